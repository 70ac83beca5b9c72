"""What comes instead of an answer: (status, body, content type, headers)."""

from shapes import Shape


def rpc(kind, **fields):
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}


def error(status, message, name=None, details=None, **more):
    """Google's envelope."""
    inner = {"code": status, "message": message}
    if name:
        inner["status"] = name
    if details:
        inner["details"] = details
    return {"error": {**inner, **more}}


ERRORS = [
    Shape("400 field violation", (400, error(
        400, "Bad temperature.", "INVALID_ARGUMENT", [rpc(
            "BadRequest", fieldViolations=[{
                "field": "generation_config.temperature",
                "description": "It must lie within [0, 2]."}])])), {
            "code": "INVALID_ARGUMENT", "reason": "UPSTREAM_INVALID_ARGUMENT",
            "field": "generation_config.temperature", "http": 400,
            "message": "Bad temperature.", "retryable": False}),
    Shape("400 cause in DebugInfo only", (400, error(
        400, "Request contains an invalid argument.", "INVALID_ARGUMENT",
        [rpc("DebugInfo", detail="The image is no image.")])), {
            "code": "INVALID_ARGUMENT",
            "message": "Request contains an invalid argument. "
                       "The image is no image."}),
    Shape("400 DebugInfo beside a real message", (400, error(
        400, "The image is too wide.", "INVALID_ARGUMENT",
        [rpc("DebugInfo", detail="frame 7 of solver.cc")])), {
            "code": "INVALID_ARGUMENT", "message": "The image is too wide.",
            "not_in_message": "solver.cc"}),
    Shape("400 location not supported", (400, error(
        400, "User location is not supported.", "FAILED_PRECONDITION")), {
            "code": "FAILED_PRECONDITION",
            "reason": "UPSTREAM_FAILED_PRECONDITION"}),
    Shape("400 cache of another model", (400, error(
        400, "The cached content was made for model a, not for model b.",
        "INVALID_ARGUMENT")), {"code": "INVALID_ARGUMENT"}),
    Shape("400 key not valid", (400, error(
        400, "That key does not fit.", "INVALID_ARGUMENT", [rpc(
            "ErrorInfo", reason="API_KEY_INVALID", domain="googleapis.com",
            metadata={"service": "aiplatform.googleapis.com"})])), {
            "code": "FAILED_PRECONDITION",
            "reason": "UPSTREAM_UNAUTHENTICATED"}),
    Shape("401", (401, error(401, "Who is it?", "UNAUTHENTICATED")), {
        "code": "FAILED_PRECONDITION", "reason": "UPSTREAM_UNAUTHENTICATED",
        "message": "credential"}),
    Shape("403 permission", (403, error(
        403, "No permission to predict.", "PERMISSION_DENIED", [rpc(
            "ErrorInfo", reason="IAM_PERMISSION_DENIED",
            domain="aiplatform.googleapis.com",
            metadata={"permission": "aiplatform.endpoints.predict"})])), {
            "code": "FAILED_PRECONDITION",
            "reason": "UPSTREAM_PERMISSION_DENIED"}),
    Shape("403 API off", (403, error(
        403, "It is switched off.", "PERMISSION_DENIED", [
            rpc("Help", links=[{"description": "Switch it on",
                                "url": "https://console.test"}]),
            rpc("ErrorInfo", reason="SERVICE_DISABLED",
                domain="googleapis.com")])), {
            "code": "FAILED_PRECONDITION", "reason": "UPSTREAM_API_DISABLED"}),
    Shape("403 file", (403, error(
        403, "The agent may not read gs://bucket/object.",
        "PERMISSION_DENIED")), {
            "code": "FAILED_PRECONDITION",
            "reason": "UPSTREAM_FILE_ACCESS_DENIED"}),
    Shape("404 model", (404, error(
        404, "There is no PublisherModel by that name.", "NOT_FOUND")),
          {"code": "NOT_FOUND", "reason": "MODEL_NOT_FOUND"}),
    Shape("404 cache", (404, error(
        404, "Not found: cache content metadata 99.", "NOT_FOUND")),
          {"code": "NOT_FOUND", "reason": "UPSTREAM_NOT_FOUND"}),
    Shape("404 HTML", (
        404, b"<!DOCTYPE html>\n<html lang=en><title>Nothing here</title>"
        b"<p>Not found.</html>", "text/html; charset=UTF-8"), {
            "code": "NOT_FOUND", "reason": "LOCATION_NOT_FOUND",
            "message": "Nothing here"}),
    Shape("404 empty", (404, b""), {"code": "NOT_FOUND", "message": "404"}),
    Shape("408 empty", (408, b""), {
        "code": "DEADLINE_EXCEEDED", "reason": "UPSTREAM_REQUEST_TIMEOUT"}),
    Shape("409", (409, error(409, "Twice at once.", "ABORTED")),
          {"code": "ABORTED", "reason": "UPSTREAM_ABORTED"}),
    Shape("413 HTML", (413, b"<html><title>Too much</title></html>",
                       "text/html"), {
        "code": "INVALID_ARGUMENT", "reason": "UPSTREAM_REQUEST_TOO_LARGE",
        "retryable": False}),
    Shape("418 without status", (418, error(418, "A teapot.")),
          {"code": "FAILED_PRECONDITION", "message": "A teapot."}),
    Shape("429 plain", (429, error(
        429, "Resource exhausted. Come back.", "RESOURCE_EXHAUSTED")), {
            "code": "RESOURCE_EXHAUSTED", "http": 429,
            "reason": "UPSTREAM_QUOTA_EXHAUSTED", "retryable": True,
            "message": "Resource exhausted. Come back."}),
    Shape("429 RetryInfo", (429, error(
        429, "Not so fast.", "RESOURCE_EXHAUSTED", [
            rpc("ErrorInfo", reason="RATE_LIMIT_EXCEEDED",
                domain="googleapis.com",
                metadata={"service": "aiplatform.googleapis.com"}),
            rpc("RetryInfo", retryDelay="53s")])), {
            "code": "RESOURCE_EXHAUSTED", "retry_after": 53.0}),
    Shape("429 RetryInfo of a fraction", (429, error(
        429, "Not so fast.", "RESOURCE_EXHAUSTED",
        [rpc("RetryInfo", retryDelay="41.250s")])), {
            "code": "RESOURCE_EXHAUSTED", "retry_after": 41.25}),
    Shape("429 Retry-After", (429, error(
        429, "Not so fast.", "RESOURCE_EXHAUSTED"), "application/json",
        [("Retry-After", "37")]), {
            "code": "RESOURCE_EXHAUSTED", "retry_after": 37.0}),
    Shape("429 QuotaFailure", (429, error(
        429, "The day's share is used up.", "RESOURCE_EXHAUSTED", [rpc(
            "QuotaFailure", violations=[{
                "subject": "project:p", "description": "per day",
                "quotaMetric": "aiplatform.googleapis.com/requests",
                "quotaId": "PerDay", "quotaDimensions": {"model": "m"},
                "quotaValue": "250"}])])), {
            "code": "RESOURCE_EXHAUSTED",
            "reason": "UPSTREAM_QUOTA_EXHAUSTED"}),
    Shape("429 legacy list", (429, error(
        429, "Slow down.", None, None, errors=[{
            "message": "Slow down.", "domain": "global",
            "reason": "rateLimitExceeded"}])), {
            "code": "RESOURCE_EXHAUSTED", "message": "Slow down."}),
    Shape("499", (499, error(499, "It was cancelled.", "CANCELLED")),
          {"code": "CANCELLED", "reason": "UPSTREAM_CANCELLED"}),
    Shape("500", (500, error(500, "It broke.", "INTERNAL")),
          {"code": "INTERNAL", "reason": "UPSTREAM_INTERNAL"}),
    Shape("500 UNKNOWN", (500, error(500, "It broke.", "UNKNOWN")),
          {"code": "UNKNOWN", "reason": "UPSTREAM_UNKNOWN"}),
    Shape("500 status of tomorrow", (500, error(500, "It broke.", "RUSTY")),
          {"code": "INTERNAL", "reason": "UPSTREAM_INTERNAL"}),
    Shape("501", (501, error(501, "Not here.", "UNIMPLEMENTED")),
          {"code": "UNIMPLEMENTED", "reason": "UPSTREAM_UNIMPLEMENTED"}),
    Shape("502 plain text", (502, b"upstream connect error\n", "text/plain"), {
        "code": "UNAVAILABLE", "reason": "UPSTREAM_UNAVAILABLE", "http": 502,
        "message": "upstream connect error"}),
    Shape("503", (503, error(503, "Overloaded.", "UNAVAILABLE")),
          {"code": "UNAVAILABLE", "reason": "UPSTREAM_UNAVAILABLE"}),
    Shape("503 status missing", (503, error(503, "Overloaded.")), {
        "code": "UNAVAILABLE", "reason": "UPSTREAM_UNAVAILABLE",
        "message": "Overloaded."}),
    Shape("503 empty", (503, b""), {
        "code": "UNAVAILABLE", "reason": "UPSTREAM_UNAVAILABLE"}),
    Shape("503 JSON that is no envelope", (503, b'{"oh": "no"}'), {
        "code": "UNAVAILABLE", "message": '{"oh": "no"}'}),
    Shape("504", (504, error(504, "Too late.", "DEADLINE_EXCEEDED")),
          {"code": "DEADLINE_EXCEEDED", "reason": "UPSTREAM_TIMEOUT"}),
    Shape("503 all details", (503, error(503, "Overloaded.", "UNAVAILABLE", [
        rpc("ErrorInfo", reason="BUSY", domain="d", metadata={"k": "v"}),
        rpc("PreconditionFailure", violations=[{"type": "t"}]),
        rpc("LocalizedMessage", locale="de", message="Zu viel."),
        rpc("RequestInfo", requestId="q-1", servingData="s"),
        rpc("ResourceInfo", resourceType="t", resourceName="n"),
        rpc("Surprise", anything=[1])])), {
            "code": "UNAVAILABLE", "message": "Overloaded."}),
]
