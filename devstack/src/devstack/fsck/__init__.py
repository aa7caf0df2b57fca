"""Whether stored records are those that were accepted, from the stored rows alone: no code that writes them is asked."""
