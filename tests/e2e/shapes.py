"""What the tables of recorded shapes are written in: a row, and short ways to
say what Google sends."""

import json

EMPTY = {"code": "FAILED_PRECONDITION", "reason": "ANSWER_EMPTY"}
BLOCKED = {"code": "FAILED_PRECONDITION", "reason": "ANSWER_BLOCKED"}
TRUNCATED = {"code": "UNAVAILABLE", "reason": "UPSTREAM_TRUNCATED"}
MALFORMED = {"code": "INTERNAL", "reason": "UPSTREAM_MALFORMED"}


class Shape:
    """A row: what is sent and what must be seen of it."""

    def __init__(self, name, sent, want, stream=None, request=None):
        self.name, self.sent, self.want = name, sent, {"code": "OK", **want}
        self.stream = {**self.want, **(stream or {})}
        self.request = request or {}

    @property
    def model(self):
        return self.name.replace(" ", "-")


def candidate(parts=None, finish="STOP", **more):
    made = {"content": {"role": "model", "parts": parts}} if parts else {}
    return made | ({"finishReason": finish} if finish else {}) | more


def says(text, finish="STOP", **more):
    return candidate([{"text": text}], finish, **more)


def body(*candidates, **more):
    return {"candidates": list(candidates), "modelVersion": "m-7", **more}


def usage(prompt=0, answer=0, thoughts=0, total=0, **more):
    counts = {"promptTokenCount": prompt, "candidatesTokenCount": answer,
              "thoughtsTokenCount": thoughts, "totalTokenCount": total}
    return {k: v for k, v in counts.items() if v} | more


def event(made, end=b"\r\n"):
    return b"data: " + json.dumps(made).encode() + end + end


def interim(text, **more):
    return {"candidates": [says(text, None)],
            "usageMetadata": {"trafficType": "ON_DEMAND"}, **more}


def last(text, finish="STOP"):
    return body(says(text, finish),
                usageMetadata=usage(6, 4, 0, 10, trafficType="ON_DEMAND"))


def bytewise(data):
    return [data[i:i + 1] for i in range(len(data))]


def pretty_error(code, status, message="It broke off."):
    return json.dumps({"error": {"code": code, "message": message,
                                 "status": status}}, indent=2).encode()
