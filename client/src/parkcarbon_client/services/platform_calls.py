"""The calls of the platform itself: health, callers, keys, audit, webhooks, documents, profiles, jobs, changes; see `core.call`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from parkcarbon_client.core.answers import Job, Page, Registered, RowProblem, RowResult
from parkcarbon_client.core.call import Call
from parkcarbon_client.core.decoding import decode, parse
from parkcarbon_client.core.errors import AnswerNotUnderstood
from parkcarbon_client.core.requests import list_page, path, query, register, send_json
from parkcarbon_client.core.responses import content_of, list_of, nothing_of, object_of, value_of
from parkcarbon_client.services.platform_answers import (
    AuditPage,
    Caller,
    ChangePage,
    Document,
    DocumentStatistics,
    Key,
    Login,
    NewKeyMade,
    SavedProfile,
    Webhook,
    Who,
)
from parkcarbon_client.services.platform_entries import MappingProfile, NewCaller, NewDocument, NewKey

_DOCUMENT = "/v1/documents/{document_id}"
_PROFILE = "/v1/mapping-profiles/{profile_id}"


def ready() -> Call[None]:
    """Reads whether the platform can do its work."""
    return Call("GET", "/readyz", nothing_of, retried=False)


def healthy() -> Call[None]:
    """Reads whether the process is up."""
    return Call("GET", "/healthz", nothing_of, retried=False)


def openapi() -> Call[Mapping[str, Any]]:
    """Reads the OpenAPI description of the API."""
    return Call("GET", "/openapi.json", object_of)


def get_own_caller() -> Call[Who]:
    """Reads the caller of this request."""
    return Call("GET", "/v1/caller", value_of(Who))


def register_caller(caller_id: str, caller: NewCaller) -> Call[Registered[Caller]]:
    """Registers a caller, or replaces it."""
    return register("PUT", path("/v1/callers/{caller_id}", caller_id=caller_id), caller, Caller)


def get_caller(caller_id: str) -> Call[Caller]:
    """Reads a caller."""
    return Call("GET", path("/v1/callers/{caller_id}", caller_id=caller_id), value_of(Caller))


def list_callers(page_token: str = "") -> Call[Page[Caller]]:
    """Reads a page of callers."""
    return list_page("/v1/callers", "callers", Caller, page_token)


def invite(caller_id: str, login: str) -> Call[Login]:
    """Gives a caller a login, and sends the mail that sets its password."""
    return send_json("PUT", path("/v1/callers/{caller_id}/login", caller_id=caller_id), {"login": login}, value_of(Login))


def create_key(key: NewKey) -> Call[NewKeyMade]:
    """Makes a key. Not repeated: no secret is stored, so that each answer is another key."""
    return send_json("POST", "/v1/api-keys", key, value_of(NewKeyMade), retried=False)


def list_keys(caller_id: str, page_token: str = "") -> Call[Page[Key]]:
    """Reads a page of keys."""
    return list_page("/v1/api-keys", "api_keys", Key, page_token, caller=caller_id)


def rotate_key(key_id: str) -> Call[NewKeyMade]:
    """Makes the next key of one. Not repeated: each is another key."""
    return Call("POST", path("/v1/api-keys/{key_id}:rotate", key_id=key_id), value_of(NewKeyMade), retried=False)


def revoke_key(key_id: str) -> Call[Key]:
    """Revokes a key."""
    return Call("DELETE", path("/v1/api-keys/{key_id}", key_id=key_id), value_of(Key))


def get_audit_log(since: str, limit: int | None, caller_id: str, park_id: str) -> Call[AuditPage]:
    """Reads a page of the audit log."""
    params = query(since=since, limit=limit, caller=caller_id, park=park_id)
    return Call("GET", "/v1/audit", value_of(AuditPage), params=params)


def create_webhook(url: str, types: tuple[str, ...], since: str) -> Call[Webhook]:
    """Makes a webhook. Not repeated: each is another webhook."""
    body = {"url": url, "types": list(types), "since": since}
    return send_json("POST", "/v1/webhooks", body, value_of(Webhook), retried=False)


def list_webhooks() -> Call[tuple[Webhook, ...]]:
    """Reads the webhooks that the caller made."""
    return Call("GET", "/v1/webhooks", list_of("webhooks", Webhook))


def get_webhook(webhook_id: str) -> Call[Webhook]:
    """Reads a webhook with its latest deliveries."""
    return Call("GET", path("/v1/webhooks/{webhook_id}", webhook_id=webhook_id), value_of(Webhook))


def resume_webhook(webhook_id: str) -> Call[Webhook]:
    """Sends again at once what a webhook has not delivered."""
    return Call("POST", path("/v1/webhooks/{webhook_id}:resume", webhook_id=webhook_id), value_of(Webhook))


def delete_webhook(webhook_id: str) -> Call[Webhook]:
    """Deletes a webhook."""
    return Call("DELETE", path("/v1/webhooks/{webhook_id}", webhook_id=webhook_id), value_of(Webhook))


def save_document(document_id: str, document: NewDocument) -> Call[Registered[Document]]:
    """Saves the description of a document."""
    return register("PUT", path(_DOCUMENT, document_id=document_id), document, Document)


def get_document(document_id: str, version: int | None) -> Call[Document]:
    """Reads a document."""
    return Call("GET", path(_DOCUMENT, document_id=document_id), value_of(Document), params=query(version=version))


def list_documents(kind: str, text: str, page_token: str = "") -> Call[Page[Document]]:
    """Reads a page of documents."""
    return list_page("/v1/documents", "documents", Document, page_token, kind=kind, query=text)


def save_document_file(document_id: str, content: bytes, media_type: str) -> Call[Document]:
    """Saves the file of a document."""
    return Call(
        "PUT", path(_DOCUMENT + "/file", document_id=document_id), value_of(Document), content=content, media_type=media_type
    )


def get_document_file(document_id: str, version: int | None) -> Call[bytes]:
    """Reads the file of a document."""
    return Call("GET", path(_DOCUMENT + "/file", document_id=document_id), content_of, params=query(version=version))


def get_document_statistics(from_month: str, to_month: str) -> Call[DocumentStatistics]:
    """Reads the statistics of the document library."""
    params = query(from_=from_month, to=to_month)
    return Call("GET", "/v1/document-statistics", value_of(DocumentStatistics), params=params)


def save_mapping_profile(profile_id: str, profile: MappingProfile) -> Call[Registered[SavedProfile]]:
    """Saves a mapping profile."""
    return register("PUT", path(_PROFILE, profile_id=profile_id), profile, SavedProfile)


def get_mapping_profile(profile_id: str, version: int | None) -> Call[SavedProfile]:
    """Reads a mapping profile."""
    return Call("GET", path(_PROFILE, profile_id=profile_id), value_of(SavedProfile), params=query(version=version))


def list_mapping_profiles(page_token: str = "") -> Call[Page[SavedProfile]]:
    """Reads a page of mapping profiles."""
    return list_page("/v1/mapping-profiles", "profiles", SavedProfile, page_token)


def get_changes(since: str, limit: int | None) -> Call[ChangePage]:
    """Reads a page of the change feed."""
    return Call("GET", "/v1/changes", value_of(ChangePage), params=query(since=since, limit=limit))


def get_job(job_id: str) -> Call[Job]:
    """Reads a job."""
    return Call("GET", path("/v1/jobs/{job_id}", job_id=job_id), value_of(Job))


def get_job_results(job_id: str, outcome: str) -> Call[tuple[RowResult, ...]]:
    """Reads what became of each row of a push that a job recorded."""
    params = query(format="ndjson", outcome=outcome)
    return Call("GET", path("/v1/jobs/{job_id}/results", job_id=job_id), _row_results, params=params)


def get_job_results_csv(job_id: str, outcome: str) -> Call[bytes]:
    """Reads the same as a table for people."""
    return Call("GET", path("/v1/jobs/{job_id}/results", job_id=job_id), content_of, params=query(format="csv", outcome=outcome))


def _row_results(response: httpx.Response) -> tuple[RowResult, ...]:
    results = []
    for line in response.content.splitlines():
        row = parse(line)
        problem = decode(RowProblem, row) if isinstance(row, dict) and row.get("reason") else None
        try:
            results.append(RowResult(row["row"], row["outcome"], row["record_id"], problem))
        except (KeyError, TypeError) as error:
            raise AnswerNotUnderstood("results", "row, outcome, record_id", row) from error
    return tuple(results)
