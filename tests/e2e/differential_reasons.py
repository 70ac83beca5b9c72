"""Where google-genai and vertexd differ, and why: the list that
test_differential.py holds both to. Run as a program it prints
docs/differences.md.
"""

from importlib import metadata

GOOGLE_GENAI = metadata.version("google-genai")


class Difference:
    """A difference, as differential.py writes it, and the cases that have it:
    unary and streamed, unary alone, streamed alone."""

    def __init__(self, what, both=(), unary=(), stream=()):
        self.what, self.both = what, both
        self.unary, self.stream = unary, stream

    def cases(self):
        return [*self.both, *self.unary,
                *(f"stream, {case}" for case in (*self.both, *self.stream))]


class Reason:
    def __init__(self, title, text, *differences):
        self.title, self.text, self.differences = title, text, differences


REASONS = [
    Reason(
        "An answer without content is an error",
        "google-genai hands out a response that has no text; whether the "
        "prompt or the answer was blocked, or thinking used up the "
        "tokens, is for the caller to find out. vertexd says so: "
        "`PROMPT_BLOCKED`, `ANSWER_BLOCKED` or `ANSWER_EMPTY`, with the "
        "upstream's reason and the usage in the metadata.",
        Difference(
            "answer → FAILED_PRECONDITION",
            both=["end: finish MAX_TOKENS without content",
                  "end: finish SAFETY without content",
                  "end: finish RECITATION without content",
                  "end: finish MALFORMED_FUNCTION_CALL without content",
                  "end: prompt blocked", "end: prompt blocked, new reason",
                  "end: empty answer",
                  "shape: candidates missing, prompt blocked",
                  "shape: prompt blocked, unknown reason",
                  "shape: content missing", "shape: content {}",
                  "shape: content null", "shape: content role only",
                  "shape: parts empty", "shape: part {}", "shape: text empty",
                  "shape: finishReason unknown, no content",
                  "shape: MAX_TOKENS before text", "shape: SAFETY before text",
                  "shape: end RECITATION", "shape: end PROHIBITED_CONTENT",
                  "shape: end BLOCKLIST", "shape: end SPII",
                  "shape: end MODEL_ARMOR", "shape: end IMAGE_SAFETY",
                  "shape: end IMAGE_PROHIBITED_CONTENT",
                  "shape: end IMAGE_RECITATION",
                  "shape: end MALFORMED_FUNCTION_CALL",
                  "shape: end UNEXPECTED_TOOL_CALL",
                  "shape: end TOO_MANY_TOOL_CALLS",
                  "shape: end MALFORMED_RESPONSE", "shape: end OTHER",
                  "shape: end NO_IMAGE", "shape: end IMAGE_OTHER"],
            unary=["shape: candidates missing", "shape: nothing at all",
                   "shape: candidates empty", "shape: candidate empty"],
            stream=["shape: prompt blocked in a stream"])),
    Reason(
        "A stream that just ends is an error",
        "A stream without a finish reason was cut off. google-genai ends "
        "it as if it were whole; with vertexd it is `UPSTREAM_TRUNCATED`.",
        Difference(
            "answer → UNAVAILABLE",
            stream=["end: empty_200", "end: no_finish",
                    "shape: candidates missing", "shape: nothing at all",
                    "shape: candidates empty", "shape: candidate empty",
                    "shape: finishReason missing",
                    "shape: finishReason unspecified",
                    "shape: end without a reason", "shape: nothing"])),
    Reason(
        "JSON is found, or its absence told",
        "Where JSON is asked for, `json` is the value, also where the "
        "model put a fence or prose around it; users of google-genai must "
        "find it in the text. Where there is none the call fails with "
        "`JSON_INVALID`, and says whether the answer was cut.",
        Difference(
            "answer.json",
            unary=["end: JSON in a fence", "end: JSON amid prose"]),
        Difference(
            "answer → INTERNAL",
            both=["end: JSON cut", "shape: MAX_TOKENS cuts JSON"])),
    Reason(
        "What makes no sense is a typed error",
        "A body that is not JSON, not UTF-8, empty or cut, and raw text "
        "in a stream, make google-genai raise exceptions of Python's JSON "
        "reader, or pass for an answer that is empty. With vertexd it is "
        "`UPSTREAM_MALFORMED` (a stream without any event, or "
        "that ends within one, `UPSTREAM_TRUNCATED`).",
        Difference(
            "JSONDecodeError → INTERNAL",
            unary=["end: not_json", "end: truncated_json", "shape: cut"]),
        Difference(
            "answer → INTERNAL",
            both=["shape: bad UTF-8"],
            unary=["end: empty_200"],
            stream=["shape: raw error in an array",
                    "shape: raw text that is no error"]),
        Difference(
            "UnknownApiResponseError → UNAVAILABLE",
            stream=["end: not_json", "end: truncated_json",
                    "shape: comments alone", "shape: end in mid-event"]),
        Difference(
            "UnknownApiResponseError → INTERNAL",
            stream=["shape: cut", "shape: no JSON in an event"]),
        Difference(
            "TypeError → INTERNAL",
            both=["shape: no object"])),
    Reason(
        "Streams are read as their standard has them",
        "Comments, fields other than data, a byte order mark, and data "
        "without a blank behind the colon are all allowed in server-sent "
        "events. google-genai fails on them.",
        Difference(
            "UnknownApiResponseError → answer",
            stream=["shape: no space after the colon", "shape: comments",
                    "shape: unknown field names", "shape: byte order mark",
                    "shape: empty data"])),
    Reason(
        "A refused credential is not the caller's",
        "The credential is the server's: were UNAUTHENTICATED or "
        "PERMISSION_DENIED passed on, callers would take it for theirs. "
        "It is FAILED_PRECONDITION with a reason of its own.",
        Difference(
            "UNAUTHENTICATED → FAILED_PRECONDITION",
            both=["end: http_401", "shape: 401"]),
        Difference(
            "PERMISSION_DENIED → FAILED_PRECONDITION",
            both=["end: http_403", "shape: 403 permission",
                  "shape: 403 API off", "shape: 403 file"]),
        Difference(
            "INVALID_ARGUMENT → FAILED_PRECONDITION",
            both=["shape: 400 key not valid"])),
    Reason(
        "Every error has a status",
        "Where the upstream gives no status, google-genai shows the text "
        "of the HTTP status line, or the number; vertexd maps the number. "
        "A status that is not one of gRPC's is mapped from the number, "
        "too.",
        Difference(
            "Not Found → NOT_FOUND",
            both=["end: html_404", "shape: 404 HTML", "shape: 404 empty"]),
        Difference(
            "Bad Gateway → UNAVAILABLE",
            both=["end: html_502", "shape: 502 plain text"]),
        Difference(
            "Request Timeout → DEADLINE_EXCEEDED",
            both=["shape: 408 empty"]),
        Difference(
            "Request Entity Too Large → INVALID_ARGUMENT",
            both=["shape: 413 HTML"]),
        Difference(
            "418 → FAILED_PRECONDITION",
            both=["shape: 418 without status"]),
        Difference(
            "429 → RESOURCE_EXHAUSTED",
            both=["shape: 429 legacy list"]),
        Difference(
            "RUSTY → INTERNAL",
            both=["shape: 500 status of tomorrow"]),
        Difference(
            "503 → UNAVAILABLE",
            both=["shape: 503 status missing",
                  "shape: 503 JSON that is no envelope"]),
        Difference(
            "Service Unavailable → UNAVAILABLE",
            both=["shape: 503 empty"]),
        Difference(
            "504 → DEADLINE_EXCEEDED",
            stream=["shape: error as an event without status"])),
    Reason(
        "What a string cannot hold becomes U+FFFD",
        "U+0000 and lone surrogates in an answer become U+FFFD, and "
        "`serving.nul_replaced` counts the former: not every language's "
        "strings can hold them.",
        Difference(
            "answer.candidates[0].content.parts[0].text",
            unary=["end: nul", "end: lone_surrogate", "shape: U+0000",
                   "shape: U+0000 alone"]),
        Difference(
            "answer.text",
            both=["end: nul", "end: lone_surrogate", "shape: U+0000",
                  "shape: U+0000 alone"],
            stream=["shape: U+0000 in a chunk"])),
    Reason(
        "New names of enums",
        "An enum of the contract is 0 where it has no number for the "
        "upstream's word; `finish_reason_text` and `unrecognized` have "
        "the word itself. google-genai makes up a new member of the enum.",
        Difference(
            "answer.candidates[0].finishReason",
            unary=["end: unknown_enum", "end: finish NEW_REASON",
                   "shape: finishReason unknown"]),
        Difference(
            "answer.candidates[0].safetyRatings[0].category",
            unary=["end: unknown_enum", "shape: safetyRatings unknown"]),
        Difference(
            "answer.candidates[0].safetyRatings[0].probability",
            unary=["end: unknown_enum", "shape: safetyRatings unknown"]),
        Difference(
            "answer.usageMetadata.trafficType",
            both=["end: unknown_enum"]),
        Difference(
            "answer.finishReason",
            stream=["end: unknown_enum", "end: finish NEW_REASON",
                    "shape: finishReason unknown",
                    "shape: unknown reason late"])),
    Reason(
        "Field names of answers in either spelling",
        "vertexd takes lowerCamelCase and snake_case in answers, as "
        "proto3 JSON allows; google-genai the former.",
        Difference(
            "answer.usageMetadata",
            both=["shape: snake_case"])),
    Reason(
        "What cannot be right is refused before it is sent",
        "An empty prompt, a turn without parts and U+0000 in a text are "
        "INVALID_ARGUMENT and cost no upstream call.",
        Difference(
            "sent",
            both=["end: no parts", "end: empty text", "end: NUL in the text"]),
        Difference(
            "answer → INVALID_ARGUMENT",
            both=["end: empty text", "end: NUL in the text"])),
    Reason(
        "The order of tools",
        "google-genai puts all functions into one tool behind the others. "
        "vertexd sends tools as they are; the order has no meaning.",
        Difference(
            "body.tools[0].codeExecution",
            both=["config: several tools"]),
        Difference(
            "body.tools[0].functionDeclarations",
            both=["config: several tools"]),
        Difference(
            "body.tools[1].codeExecution",
            both=["config: several tools"]),
        Difference(
            "body.tools[1].functionDeclarations",
            both=["config: several tools"])),
    Reason(
        "The order of properties",
        "Properties in a Struct, or in Google's Schema message, are a "
        "map, which forgets their order, and a model answers in the order "
        "that it sees. google-genai keeps the order and adds "
        "`propertyOrdering`. With vertexd use `json_schema_text`, or give "
        "`property_ordering`. (The order in answers is not compared.)",
        Difference(
            "body.generationConfig.responseSchema.propertyOrdering",
            both=["config: response_schema, all of it"])),
    Reason(
        "Tiers are headers",
        "google-genai puts `service_tier` into the body, where Vertex "
        "AI's v1 does not have it; vertexd's `request_tier` goes into the "
        "headers that are documented for it.",
        Difference(
            "INVALID_ARGUMENT → answer",
            both=["config: service_tier"]),
        Difference(
            "body.serviceTier",
            both=["config: service_tier"])),
    Reason(
        "What Google took out of use",
        "`api_auth` of an external API is deprecated in favour of "
        "`auth_config`; the contract has the latter.",
        Difference(
            "contract",
            both=["config: retrieval from an API"])),
]


def by_case():
    """{case: what differs in it}"""
    found = {}
    for reason in REASONS:
        for difference in reason.differences:
            for case in difference.cases():
                found.setdefault(case, set()).add(difference.what)
    return found


HEAD = f"""# Where vertexd and google-genai differ

The end-to-end tests make the same requests with google-genai {GOOGLE_GENAI},
Google's SDK for Python, and with vertexd, in unary calls and in streams, and
compare the body that arrives upstream and what comes back: contents of every
kind, every field of `GenerateContentConfig`, and each known shape of answer and
error. They are the same but for what follows. This page is made from the list
that the tests check (`tests/e2e/differential_reasons.py`): a difference that is
not here fails them, and so does one that is here and no more.

Spelling is no difference: names in lowerCamelCase or snake_case, base64 in
either alphabet, 3 or 3.0, an empty `generationConfig` or none. Both make one
attempt here; what vertexd tries again is in
[errors.md](errors.md#what-is-tried-again). Not compared is what google-genai
does in Python alone: schemas made of classes, functions called automatically,
chats.

"X → Y" is how a call ends: with google-genai in X, with vertexd in Y.
"""


def rows_of(difference):
    cases = [*difference.both]
    cases += [f"{case} (unary)" for case in difference.unary]
    cases += [f"{case} (stream)" for case in difference.stream]
    return f"| `{difference.what}` | {'; '.join(cases)} |"


def page():
    """docs/differences.md."""
    made = [HEAD]
    for reason in REASONS:
        made += [f"## {reason.title}\n", f"{reason.text}\n",
                 "| what | where |", "|---|---|",
                 *(rows_of(d) for d in reason.differences), ""]
    return "\n".join(made[:-1]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
