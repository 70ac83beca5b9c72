"""What only streams can do: their framing, their chunks and their ends."""

import json

from shapes import (MALFORMED, TRUNCATED, Shape, body, bytewise, candidate,
                    event, interim, last, pretty_error, says, usage)

AB = event(interim("a")) + event(interim("b"))
WHOLE = {"text": "abc", "finish": "STOP", "tokens": (6, 4, 10),
         "traffic": "ON_DEMAND"}

STREAMS = [
    Shape("usual framing", [event(interim("a")), event(interim("b")),
                            event(last("c"))], WHOLE),
    Shape("all in one write", [AB + event(last("c"))], WHOLE),
    Shape("byte by byte", bytewise(AB + event(last("c"))), WHOLE),
    Shape("LF", [AB.replace(b"\r\n", b"\n") + event(last("c"), b"\n")], WHOLE),
    Shape("CR", [AB.replace(b"\r\n", b"\r"), event(last("c"), b"\r")], WHOLE),
    Shape("line ends mixed", [
        event(interim("a"), b"\n"), event(interim("b"), b"\r"),
        event(last("c"))], WHOLE),
    Shape("CRLF split", [event(interim("a"))[:-3], b"\n\r", b"\n",
                         event(interim("b"))[:-1],
                         b"\n" + event(last("c"))[:-4], b"\r", b"\n\r\n"],
          WHOLE),
    Shape("UTF-8 split", bytewise(b"data: " + json.dumps(
        body(says("ü€𝄞")), ensure_ascii=False).encode() + b"\r\n\r\n"),
          {"text": "ü€𝄞"}),
    Shape("several data lines", [
        b"".join(b"data: " + line + b"\r\n" for line in
                 json.dumps(last("abc"), indent=1).encode().split(b"\n")),
        b"\r\n"], WHOLE),
    Shape("no space after the colon", [
        AB.replace(b"data: ", b"data:") + event(last("c"))], WHOLE),
    Shape("no blank line at the end", [AB, event(last("c"))[:-2]], WHOLE),
    Shape("no line end at the end", [AB, event(last("c"))[:-4]], WHOLE),
    Shape("comments", [b": still here\r\n\r\n", event(interim("a")),
                       b":\r\n", event(interim("b")), b": on\r\n",
                       event(last("c")), b": bye"], WHOLE),
    Shape("unknown field names", [
        b"event: message\r\nid: 7\r\nretry: 10\r\nmystery\r\n" +
        event(interim("ab")), b"id: 8\r\n" + event(last("c"))], WHOLE),
    Shape("byte order mark", [b"\xef\xbb\xbf" + AB, event(last("c"))], WHOLE),
    Shape("empty data", [b"data:\r\n\r\n", AB, b"data: \r\n\r\n",
                         event(last("c"))], WHOLE),
    Shape("long line", [event(interim("a" * 3_000_000)), event(last("b"))],
          {"text": "a" * 3_000_000 + "b"}),
    Shape("usage in the last chunk only", [
        event(body(says("a", None))), event(last("bc"))], WHOLE),
    Shape("running totals", [
        event(body(says("a", None), usageMetadata=usage(6, 1, 0, 7))),
        event(body(says("b", None), usageMetadata=usage(6, 2, 0, 8))),
        event(body(says("c"), usageMetadata=usage(6, 4, 0, 10)))],
          {"text": "abc", "tokens": (6, 4, 10)}),
    Shape("usage before the last chunk", [
        event(body(says("a", None), usageMetadata=usage(6, 4, 0, 10))),
        event(body(says("bc"), usageMetadata={"trafficType": "ON_DEMAND"}))],
          {"text": "abc", "tokens": (6, 4, 10)}),
    Shape("STOP on every chunk", [
        event(body(says("a"))), event(body(says("b"))), event(last("c"))],
          WHOLE),
    Shape("last chunk empty text", [AB + event(interim("c")),
                                    event(last(""))], WHOLE),
    Shape("last chunk content {}", [
        AB + event(interim("c")), event(body(
            candidate(content={}), usageMetadata=usage(
                6, 4, 0, 10, trafficType="ON_DEMAND")))], WHOLE),
    Shape("last chunk role only", [
        AB + event(interim("c")), event(body(candidate(
            content={"role": "model"})))], {"text": "abc", "finish": "STOP"}),
    Shape("last chunk usage only", [
        AB, event(body(says("c"))), event({"usageMetadata": usage(
            6, 4, 0, 10, trafficType="ON_DEMAND")})], WHOLE),
    Shape("first chunk without content", [
        event(body({})), event(last("abc"))], WHOLE),
    Shape("thoughts, then the answer", [
        event(body(candidate([{"text": "hm", "thought": True}], None))),
        event(last("abc"))], {**WHOLE, "thoughts": "hm"}),
    Shape("citation and grounding in mid-stream", [
        event(body(says("a", None, citationMetadata={
            "citations": [{"uri": "https://t.test", "endIndex": 1}]}))),
        event(body(says("b", None, groundingMetadata={
            "webSearchQueries": ["q"]}))), event(last("c"))], {
                **WHOLE, "queries": ["q"],
                "citations": [("https://t.test", 0, 1, (0, 0, 0))]}),
    Shape("function call at the end", [
        event(interim("a")), event(body(candidate(
            [{"functionCall": {"name": "f", "args": {"n": 1}}}])))],
          {"text": "a", "calls": [("f", {"n": 1})], "finish": "STOP"}),
    Shape("two candidates end apart", [
        event(body(says("a", None), says("x", "MAX_TOKENS", index=1))),
        event(body(says("b")))], {"text": "ab", "finish": "STOP"}),
    Shape("U+0000 in a chunk", [event(interim("a\0")), event(last("b"))],
          {"text": "a\ufffdb", "nul": 1}),
    Shape("RECITATION late", [AB, event(body({"finishReason": "RECITATION"}))],
          {"text": "ab", "finish": "RECITATION"}),
    Shape("SAFETY late", [AB, event(body({
        "finishReason": "SAFETY", "safetyRatings": [{
            "category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH",
            "blocked": True}]}))], {
                "text": "ab", "finish": "SAFETY",
                "ratings": [("HARM_CATEGORY_HARASSMENT", "HIGH", True)]}),
    Shape("unknown reason late", [AB, event(last("c", "OUT_OF_INK"))],
          {"text": "abc", "finish": "OUT_OF_INK", "enum": 0}),
    Shape("prompt blocked in a stream", [event({
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})], {
            "code": "FAILED_PRECONDITION", "reason": "PROMPT_BLOCKED",
            "metadata": {"block_reason": "PROHIBITED_CONTENT"}}),
    Shape("end without a reason", [AB], {**TRUNCATED, "text": "ab"}),
    Shape("end in mid-event", [AB, event(last("c"))[:40]],
          {**TRUNCATED, "text": "ab"}),
    Shape("nothing", [], TRUNCATED),
    Shape("comments alone", [b": one\r\n\r\n: two\r\n\r\n"], TRUNCATED),
    Shape("raw error 499", [AB, pretty_error(499, "CANCELLED")], {
        "code": "CANCELLED", "reason": "UPSTREAM_CANCELLED", "text": "ab",
        "message": "It broke off."}),
    Shape("raw error 503, CRLF, bytewise", bytewise(
        AB + pretty_error(503, "UNAVAILABLE").replace(b"\n", b"\r\n")), {
            "code": "UNAVAILABLE", "reason": "UPSTREAM_UNAVAILABLE",
            "text": "ab"}),
    Shape("raw error in an array", [
        AB, b"[" + pretty_error(500, "INTERNAL") + b"]"],
          {"code": "INTERNAL", "reason": "UPSTREAM_INTERNAL", "text": "ab"}),
    Shape("raw error at once", [pretty_error(429, "RESOURCE_EXHAUSTED")],
          {"code": "RESOURCE_EXHAUSTED", "reason": "UPSTREAM_QUOTA_EXHAUSTED",
           "text": ""}),
    Shape("error as an event", [AB, event(
        {"error": {"code": 503, "message": "Too hot.",
                   "status": "UNAVAILABLE"}})], {
            "code": "UNAVAILABLE", "reason": "UPSTREAM_UNAVAILABLE",
            "text": "ab", "message": "Too hot."}),
    Shape("error as an event without status", [AB, event(
        {"error": {"code": 504, "message": "Too late."}})], {
            "code": "DEADLINE_EXCEEDED", "reason": "UPSTREAM_TIMEOUT",
            "text": "ab"}),
    Shape("no JSON in an event", [AB, b"data: oops\r\n\r\n"],
          {**MALFORMED, "text": "ab"}),
    Shape("raw text that is no error", [AB, b"[1, 2]"],
          {**MALFORMED, "text": "ab"}),
]
