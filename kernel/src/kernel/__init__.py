"""Units, periods and quantities: what every service of ParkCarbon counts with. The standard library only.

Admission: is it a unit, a period or a quantity? Anything else lives with the service that needs it.
"""
