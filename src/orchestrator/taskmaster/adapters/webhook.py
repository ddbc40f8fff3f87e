"""Sends a status to a webhook, signed as GitHub signs its own.

``X-TaskMaster-Signature-256: sha256=<HMAC of the body>`` where there is a secret;
``X-TaskMaster-Delivery`` is the same for every attempt, so that a receiver can drop repetitions. An
attempt that meets no server, 429 or 5xx is repeated twice, after 1 s and 4 s.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.error
import urllib.request
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

TIMEOUT_S = 10.0
WAITS_S = (1.0, 4.0)
_AGAIN = {429, 500, 502, 503, 504}


class WebhookError(Exception):
    """The webhook did not take it: a sentence."""


class Hook(NamedTuple):
    """Where to send to, and the key to sign with; empty for none."""

    url: str
    secret: str = ""


def send(hook: Hook, event: str, body: bytes, waits_s: tuple[float, ...] = WAITS_S) -> None:
    """Deliver JSON. Raises WebhookError after the last attempt."""
    if urlsplit(hook.url).scheme not in {"http", "https"}:
        raise WebhookError("the webhook's address has to begin with http:// or https://")
    request = urllib.request.Request(hook.url, body, _headers(hook, event, body), method="POST")
    for wait_s in (*waits_s, None):
        failure = _attempt(request)
        if failure is None:
            return
        reason, is_worth_another = failure
        if wait_s is None or not is_worth_another:
            raise WebhookError(f"the webhook at {_shown(hook.url)} {reason}")
        time.sleep(wait_s)


def _headers(hook: Hook, event: str, body: bytes) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "task-master",
        "X-TaskMaster-Event": event,
        "X-TaskMaster-Delivery": str(uuid4()),
    }
    if hook.secret:
        digest = hmac.new(hook.secret.encode(), body, hashlib.sha256).hexdigest()
        headers["X-TaskMaster-Signature-256"] = f"sha256={digest}"
    return headers


def _attempt(request: urllib.request.Request) -> tuple[str, bool] | None:
    """None if it was taken; else why not, and whether to try again."""
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"answered {error.code}", error.code in _AGAIN
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        return f"cannot be reached: {reason}", True


def _shown(url: str) -> str:
    """Without what may be a secret: user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
