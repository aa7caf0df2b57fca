"""The outside of the account, fulfilled: its database and the factor tables that it ships."""
