"""Request bodies and answers, checked member by member, and described for OpenAPI."""
