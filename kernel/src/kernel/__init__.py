"""What every service of ParkCarbon counts with, and who may see what. The standard library only.

Admission: is it a unit, a period, a quantity, the rule of access, or a refusal that every service has? Anything else lives with the
service that needs it. No module here imports one of another of these topics, except that access refuses.
"""
