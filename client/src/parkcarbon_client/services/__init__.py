"""The calls, entries and answers of each service, written by hand.

`accounting_*` and `evaluation_*` go once their counterparts in `generated` are there; `platform_*` is the gateway's own part of the
API (callers, keys, webhooks, documents, jobs, changes), which no service's contract describes.
"""
