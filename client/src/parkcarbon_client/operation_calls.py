"""The routes of callers, keys, the audit log, webhooks, documents, profiles and files as values; see `calls`."""

from __future__ import annotations

import json

import httpx

from parkcarbon_client.answers import Page, Park, Registered, RowProblem, RowResult
from parkcarbon_client.calls import JSON, Call, body_of, file, given, listing, object_of, path_of, reading, registration
from parkcarbon_client.decoding import decode, parse
from parkcarbon_client.entries import MappingProfile, NewCaller, NewDocument, NewKey
from parkcarbon_client.errors import AnswerNotUnderstood
from parkcarbon_client.operation_answers import (
    AuditPage,
    Caller,
    Document,
    DocumentStatistics,
    Key,
    Login,
    NewKeyMade,
    SavedProfile,
    Webhook,
    Who,
)


def who() -> Call[Who]:
    """Reads who asks."""
    return Call("GET", "/v1/caller", reading(Who))


def register_caller(caller_id: str, caller: NewCaller) -> Call[Registered[Caller]]:
    """Registers a caller, or changes it."""
    return registration(path_of("v1", "callers", caller_id), caller, Caller, "PUT")


def caller(caller_id: str) -> Call[Caller]:
    """Reads a caller."""
    return Call("GET", path_of("v1", "callers", caller_id), reading(Caller))


def list_callers(page_token: str) -> Call[Page[Caller]]:
    """Reads a page of callers."""
    return listing("/v1/callers", "callers", Caller, page_token)


def invite(caller_id: str, login: str) -> Call[Login]:
    """Gives a caller a login, and sends the letter."""
    body = json.dumps({"login": login}, ensure_ascii=False).encode()
    return Call("PUT", path_of("v1", "callers", caller_id, "login"), reading(Login), content=body, media_type=JSON)


def create_key(key: NewKey) -> Call[NewKeyMade]:
    """Makes a key. Not repeated: a secret is kept by nobody, so that each is another key."""
    return Call("POST", "/v1/api-keys", reading(NewKeyMade), content=body_of(key), media_type=JSON, retried=False)


def list_keys(caller_id: str, page_token: str) -> Call[Page[Key]]:
    """Reads a page of keys."""
    return listing("/v1/api-keys", "api_keys", Key, page_token, {"caller": caller_id})


def rotate_key(key_id: str) -> Call[NewKeyMade]:
    """Makes the next key of one. Not repeated: each is another key."""
    return Call("POST", path_of("v1", "api-keys", key_id) + ":rotate", reading(NewKeyMade), retried=False)


def revoke_key(key_id: str) -> Call[Key]:
    """Withdraws a key."""
    return Call("DELETE", path_of("v1", "api-keys", key_id), reading(Key))


def audit_log(since: str, limit: int | None, caller_id: str, park_id: str) -> Call[AuditPage]:
    """Reads a page of the audit log."""
    params = given({"since": since, "limit": limit, "caller": caller_id, "park": park_id})
    return Call("GET", "/v1/audit", reading(AuditPage), params=params)


def create_webhook(url: str, types: tuple[str, ...], since: str) -> Call[Webhook]:
    """Makes a webhook. Not repeated: each is another webhook."""
    body = json.dumps({"url": url, "types": list(types), "since": since}).encode()
    return Call("POST", "/v1/webhooks", reading(Webhook), content=body, media_type=JSON, retried=False)


def webhooks() -> Call[tuple[Webhook, ...]]:
    """Reads the webhooks that the caller made."""

    def read(response: httpx.Response) -> tuple[Webhook, ...]:
        items = object_of(response).get("webhooks")
        if not isinstance(items, list):
            raise AnswerNotUnderstood("webhooks", "a list", items)
        return tuple(decode(Webhook, item) for item in items)

    return Call("GET", "/v1/webhooks", read)


def webhook(webhook_id: str) -> Call[Webhook]:
    """Reads a webhook with its latest deliveries."""
    return Call("GET", path_of("v1", "webhooks", webhook_id), reading(Webhook))


def resume_webhook(webhook_id: str) -> Call[Webhook]:
    """Sends again at once what a webhook has not delivered."""
    return Call("POST", path_of("v1", "webhooks", webhook_id) + ":resume", reading(Webhook))


def delete_webhook(webhook_id: str) -> Call[Webhook]:
    """Withdraws a webhook."""
    return Call("DELETE", path_of("v1", "webhooks", webhook_id), reading(Webhook))


def save_document(document_id: str, document: NewDocument) -> Call[Registered[Document]]:
    """Saves what a document is."""
    return registration(path_of("v1", "documents", document_id), document, Document, "PUT")


def document(document_id: str, version: int | None) -> Call[Document]:
    """Reads a document."""
    return Call("GET", path_of("v1", "documents", document_id), reading(Document), params=given({"version": version}))


def list_documents(kind: str, query: str, page_token: str) -> Call[Page[Document]]:
    """Reads a page of documents."""
    return listing("/v1/documents", "documents", Document, page_token, {"kind": kind, "query": query})


def save_document_file(document_id: str, content: bytes, media_type: str) -> Call[Document]:
    """Saves the file of a document."""
    path = path_of("v1", "documents", document_id, "file")
    return Call("PUT", path, reading(Document), content=content, media_type=media_type)


def document_file(document_id: str, version: int | None) -> Call[bytes]:
    """Reads the file of a document."""
    return Call("GET", path_of("v1", "documents", document_id, "file"), file, params=given({"version": version}))


def document_statistics(from_month: str, to_month: str) -> Call[DocumentStatistics]:
    """Reads the statistics of the library."""
    params = {"from": from_month, "to": to_month}
    return Call("GET", "/v1/document-statistics", reading(DocumentStatistics), params=params)


def save_mapping_profile(profile_id: str, profile: MappingProfile) -> Call[Registered[SavedProfile]]:
    """Saves how own files are read."""
    return registration(path_of("v1", "mapping-profiles", profile_id), profile, SavedProfile, "PUT")


def mapping_profile(profile_id: str, version: int | None) -> Call[SavedProfile]:
    """Reads a mapping profile."""
    path = path_of("v1", "mapping-profiles", profile_id)
    return Call("GET", path, reading(SavedProfile), params=given({"version": version}))


def list_mapping_profiles(page_token: str) -> Call[Page[SavedProfile]]:
    """Reads a page of mapping profiles."""
    return listing("/v1/mapping-profiles", "profiles", SavedProfile, page_token)


def list_region_parks(region_code: str, page_token: str) -> Call[Page[Park]]:
    """Reads a page of the parks of a region."""
    return listing(path_of("v1", "regions", region_code, "parks"), "parks", Park, page_token)


def activity_template(language: str) -> Call[bytes]:
    """Reads the workbook for activity data."""
    return Call("GET", "/v1/templates/activity-records.xlsx", file, params=given({"lang": language}))


def job_results(job_id: str, outcome: str) -> Call[tuple[RowResult, ...]]:
    """Reads what became of each row of a push that a job recorded."""
    params = given({"format": "ndjson", "outcome": outcome})
    return Call("GET", path_of("v1", "jobs", job_id, "results"), _row_results, params=params)


def job_results_csv(job_id: str, outcome: str) -> Call[bytes]:
    """Reads the same as a table for people."""
    return Call("GET", path_of("v1", "jobs", job_id, "results"), file, params=given({"format": "csv", "outcome": outcome}))


def _row_results(response: httpx.Response) -> tuple[RowResult, ...]:
    found = []
    for line in response.content.splitlines():
        row = parse(line)
        problem = decode(RowProblem, row) if isinstance(row, dict) and row.get("reason") else None
        try:
            found.append(RowResult(row["row"], row["outcome"], row["record_id"], problem))
        except (KeyError, TypeError) as error:
            raise AnswerNotUnderstood("results", "row, outcome, record_id", row) from error
    return tuple(found)
