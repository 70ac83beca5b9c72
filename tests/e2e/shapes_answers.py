"""Answers in one JSON body."""

import json

from shapes import (BLOCKED, EMPTY, MALFORMED, TRUNCATED, Shape, body,
                    candidate, says, usage)


def empty_end(finish, want, **more):
    """An end without content."""
    return Shape(f"end {finish}", body({"finishReason": finish, **more}),
                 {**want, "finish": finish})


ANSWERS = [
    Shape("whole answer", body(
        says("The tide turns twice a day.", index=0, avgLogprobs=-0.25,
             safetyRatings=[{
                 "category": "HARM_CATEGORY_HARASSMENT",
                 "probability": "LOW", "probabilityScore": 0.25,
                 "severity": "HARM_SEVERITY_LOW", "severityScore": 0.125}],
             citationMetadata={"citations": [{
                 "startIndex": 4, "endIndex": 8, "uri": "https://tides.test",
                 "license": "", "publicationDate": {"year": 1998}}]}),
        usageMetadata=usage(
            40, 7, 21, 68, cachedContentTokenCount=30,
            promptTokensDetails=[{"modality": "TEXT", "tokenCount": 40}],
            trafficType="ON_DEMAND"),
        createTime="2026-10-05T04:03:02.123456Z", responseId="r-1"), {
            "text": "The tide turns twice a day.", "finish": "STOP",
            "tokens": (40, 28, 68), "unrecognized": [], "nul": 0,
            "ratings": [("HARM_CATEGORY_HARASSMENT", "LOW", False)],
            "citations": [("https://tides.test", 4, 8, (1998, 0, 0))],
            "cached": 30, "traffic": "ON_DEMAND", "model_version": "m-7",
            "created": "2026-10-05T04:03:02.123456Z"}),
    Shape("candidates missing, prompt blocked", {
        "promptFeedback": {"blockReason": "SAFETY",
                           "blockReasonMessage": "No such talk here.",
                           "safetyRatings": [{
                               "category": "HARM_CATEGORY_HATE_SPEECH",
                               "probability": "HIGH", "blocked": True}]},
        "usageMetadata": usage(9, total=9)}, {
            "code": "FAILED_PRECONDITION", "reason": "PROMPT_BLOCKED",
            "message": "No such talk here.",
            "metadata": {"block_reason": "SAFETY", "prompt_tokens": "9"}}),
    Shape("prompt blocked, unknown reason", {
        "promptFeedback": {"blockReason": "MOON_PHASE"}}, {
            "code": "FAILED_PRECONDITION", "reason": "PROMPT_BLOCKED",
            "metadata": {"block_reason": "MOON_PHASE"}}),
    Shape("candidates missing", {"usageMetadata": usage(3, total=3)}, EMPTY,
          stream=TRUNCATED),
    Shape("nothing at all", {}, EMPTY, stream=TRUNCATED),
    Shape("candidates empty", {"candidates": []}, EMPTY, stream=TRUNCATED),
    Shape("candidate empty", body({}), EMPTY, stream=TRUNCATED),
    Shape("content missing", body({"finishReason": "STOP"}), EMPTY),
    Shape("content {}", body(candidate(content={})), EMPTY),
    Shape("content null", body(candidate(content=None)), EMPTY),
    Shape("content role only", body(candidate(content={"role": "model"})),
          EMPTY),
    Shape("parts empty",
          body(candidate(content={"role": "model", "parts": []})), EMPTY),
    Shape("part {}", body(candidate([{}])), EMPTY),
    Shape("part {} beside text", body(candidate([{}, {"text": "here"}])),
          {"text": "here", "kinds": [None, "text"]}),
    Shape("text empty", body(says("")), EMPTY),
    Shape("text empty beside text",
          body(candidate([{"text": ""}, {"text": "x"}, {"text": ""}])),
          {"text": "x"}),
    Shape("role missing", body({"content": {"parts": [{"text": "x"}]},
                                "finishReason": "STOP"}), {"text": "x"}),
    Shape("several parts",
          body(candidate([{"text": "one "}, {"text": "two"},
                          {"text": " three"}])), {"text": "one two three"}),
    Shape("thoughts", body(candidate([
        {"text": "Let me see.", "thought": True, "thoughtSignature": "AQID"},
        {"text": "Yes."}])), {
            "text": "Yes.", "thoughts": "Let me see.",
            "signatures": [b"\1\2\3"]}),
    Shape("thoughts between parts", body(candidate([
        {"text": "A"}, {"text": "hm", "thought": True}, {"text": "B"}])),
          {"text": "AB", "thoughts": "hm"}),
    Shape("thoughts alone, MAX_TOKENS", body(candidate(
        [{"text": "Still thinking", "thought": True}], "MAX_TOKENS"),
        usageMetadata=usage(5, 0, 64, 69)), {
            "text": "", "thoughts": "Still thinking", "finish": "MAX_TOKENS",
            "tokens": (5, 64, 69)}),
    Shape("signature url safe", body(candidate([
        {"text": "x", "thoughtSignature": "__-_"}])),
          {"signatures": [b"\xff\xff\xbf"]}),
    Shape("functionCall without args",
          body(candidate([{"functionCall": {"name": "ring"}}])),
          {"text": "", "calls": [("ring", {})]}),
    Shape("functionCall with empty args",
          body(candidate([{"functionCall": {"name": "ring", "args": {}}}])),
          {"calls": [("ring", {})]}),
    Shape("functionCall with args and id", body(candidate([
        {"functionCall": {"id": "c-1", "name": "ring", "args": {
            "bell": 3, "who": ["a", None, True], "far": {"deep": 1.5}}}}])),
          {"calls": [("ring", {"bell": 3, "who": ["a", None, True],
                               "far": {"deep": 1.5}})]}),
    Shape("two functionCalls beside text", body(candidate([
        {"text": "I ring."}, {"functionCall": {"name": "a"}},
        {"functionCall": {"name": "b", "args": {"x": 1}}}])),
          {"text": "I ring.", "calls": [("a", {}), ("b", {"x": 1})]}),
    Shape("index missing", body(says("x")), {"indexes": [0], "text": "x"}),
    Shape("second candidate", body(says("x"), says("y", index=1)),
          {"indexes": [0, 1], "text": "x"}),
    Shape("first candidate empty, second not",
          body({"finishReason": "SAFETY"}, says("y", index=1)),
          {"text": "", "finish": "SAFETY", "indexes": [0, 1]}),
    Shape("safetyRatings unknown", body(says("x", safetyRatings=[
        {"category": "HARM_CATEGORY_PUNS", "probability": "TINY"},
        {"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}])), {
            "text": "x", "unrecognized": [
                "candidates[0].safetyRatings[0].category",
                "candidates[0].safetyRatings[0].probability"]}),
    Shape("safetyRatings {}", body(says("x", safetyRatings=[{}])),
          {"text": "x", "unrecognized": []}),
    Shape("finishReason unknown", body(says("x", "OUT_OF_INK")), {
        "text": "x", "finish": "OUT_OF_INK", "enum": 0,
        "unrecognized": ["candidates[0].finishReason"]}),
    Shape("finishReason unknown, no content",
          body({"finishReason": "OUT_OF_INK"}),
          {**EMPTY, "finish": "OUT_OF_INK"}),
    Shape("finishReason missing", body(says("x", None)),
          {"text": "x", "finish": ""}, stream=TRUNCATED),
    Shape("finishReason unspecified",
          body(says("x", "FINISH_REASON_UNSPECIFIED")),
          {"text": "x", "enum": 0}, stream=TRUNCATED),
    Shape("finishReason OTHER", body(says("x", "OTHER")),
          {"text": "x", "finish": "OTHER"}),
    Shape("MAX_TOKENS cuts text", body(says("Once upon a", "MAX_TOKENS")),
          {"text": "Once upon a", "finish": "MAX_TOKENS"}),
    Shape("MAX_TOKENS before text",
          body({"content": {"role": "model"}, "finishReason": "MAX_TOKENS"},
               usageMetadata=usage(8, 0, 50, 58)), {
                   **EMPTY, "finish": "MAX_TOKENS",
                   "message": "max_output_tokens",
                   "metadata": {"completion_tokens": "50"}}),
    Shape("MAX_TOKENS cuts JSON", body(says('{"a": [1, ', "MAX_TOKENS")), {
        "code": "INTERNAL", "reason": "JSON_INVALID", "finish": "MAX_TOKENS",
        "message": "cut off"}, request={"return_json": True}),
    Shape("SAFETY before text", body(
        {"finishReason": "SAFETY", "safetyRatings": [{
            "category": "HARM_CATEGORY_DANGEROUS_CONTENT",
            "probability": "HIGH", "blocked": True}]},
        usageMetadata=usage(8, total=8)), {
            **BLOCKED, "finish": "SAFETY",
            "metadata": {"prompt_tokens": "8", "completion_tokens": "0"}}),
    Shape("SAFETY after text", body(says("So far", "SAFETY")),
          {"text": "So far", "finish": "SAFETY"}),
    Shape("RECITATION after text", body(says("So far", "RECITATION")),
          {"text": "So far", "finish": "RECITATION"}),
    *(empty_end(finish, BLOCKED) for finish in (
        "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "MODEL_ARMOR",
        "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION")),
    *(empty_end(finish, {**EMPTY, "message": "in words"},
                finishMessage="The cause in words.") for finish in (
        "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE", "OTHER", "NO_IMAGE",
        "IMAGE_OTHER")),
    Shape("usage missing", body(says("x")), {"tokens": None}),
    Shape("usage {}", body(says("x"), usageMetadata={}), {"tokens": None}),
    Shape("usage traffic only",
          body(says("x"), usageMetadata={"trafficType": "ON_DEMAND_FLEX"}),
          {"tokens": None, "traffic": "ON_DEMAND_FLEX"}),
    Shape("usage prompt only", body(says("x"), usageMetadata=usage(6)),
          {"tokens": (6, 0, 6)}),
    Shape("usage total missing", body(says("x"), usageMetadata=usage(6, 2, 3)),
          {"tokens": (6, 5, 11)}),
    Shape("usage candidates missing",
          body(says("x"), usageMetadata=usage(6, total=6)),
          {"tokens": (6, 0, 6)}),
    Shape("usage with tool use", body(says("x"), usageMetadata=usage(
        6, 2, 0, 20, toolUsePromptTokenCount=12)), {"tokens": (18, 2, 20)}),
    Shape("usage in strings", body(says("x"), usageMetadata={
        "promptTokenCount": "6", "candidatesTokenCount": "2",
        "totalTokenCount": "8"}), {"tokens": (6, 2, 8)}),
    Shape("U+0000", body(says("a\0b")), {"text": "a\ufffdb", "nul": 1}),
    Shape("U+0000 alone", body(says("\0")), {"text": "\ufffd", "nul": 1}),
    Shape("any Unicode", body(says("ß\u2028é\U0001f389\u202e\ufeff")),
          {"text": "ß\u2028é\U0001f389\u202e\ufeff"}),
    Shape("raw Unicode", json.dumps(
        body(says("Grüße 🎉 漢字")), ensure_ascii=False).encode(),
          {"text": "Grüße 🎉 漢字"}),
    Shape("unknown fields", body(
        candidate([{"text": "x", "mood": "blue"}], weight=3),
        future={"a": [1]}), {
            "text": "x", "unrecognized": [
                "candidates[0].content.parts[0].mood", "candidates[0].weight",
                "future"]}),
    Shape("unknown part", body(candidate([{"hologram": {"w": 3}}])), {
        "text": "", "unrecognized": ["candidates[0].content.parts[0].hologram"]
    }),
    Shape("snake_case", {"candidates": [{
        "content": {"parts": [{"text": "x"}]}, "finish_reason": "STOP"}],
        "usage_metadata": {"prompt_token_count": 2, "total_token_count": 2}},
          {"text": "x", "finish": "STOP", "tokens": (2, 0, 2)}),
    Shape("inline data", body(candidate([{"inlineData": {
        "mimeType": "image/png", "data": "iVBORw0KGgo="}}])),
          {"text": "", "kinds": ["inline_data"]}),
    Shape("code and its result", body(candidate([
        {"executableCode": {"language": "PYTHON", "code": "print(2)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2\n"}},
        {"text": "Two."}])), {
            "text": "Two.",
            "kinds": ["executable_code", "code_execution_result", "text"]}),
    Shape("grounding", body(says("x", groundingMetadata={
        "webSearchQueries": ["tides"], "searchEntryPoint": {},
        "groundingChunks": [{"web": {"uri": "https://t.test", "title": "T"}},
                            {}],
        "groundingSupports": [{"segment": {"endIndex": 1},
                               "groundingChunkIndices": [0]}]})),
          {"text": "x", "queries": ["tides"], "unrecognized": []}),
    Shape("pretty printed", json.dumps(
        body(says("x")), indent=2).replace("\n", "\r\n").encode(),
          {"text": "x"}),
    Shape("no object", b"42", MALFORMED),
    Shape("cut", b'{"candidates": [{"content"', MALFORMED),
    Shape("bad UTF-8", b'{"candidates":[{"content":{"parts":[{"text":"\xff"}]},'
          b'"finishReason":"STOP"}]}', MALFORMED),
]
