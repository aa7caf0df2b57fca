"""The outside of the evaluation, fulfilled: its database, accounting, and the indicator tables that it ships."""
