"""Makes a case's request with google-genai and with vertexd, and compares what
arrived upstream and what came back.

A difference is a path into one of the two ("body" or "answer"); "sent", where
one of them asks the upstream nothing; or "X → Y", where google-genai ends in X
and vertexd in Y: an answer, a status, or an exception of Python.
"""

import base64
import json
import re
import warnings

import google.genai.errors
import google.oauth2.credentials
import grpc
from google import genai
from google.protobuf import json_format
from vertexd.v1 import vertexd_pb2

import calls

PROJECT, LOCATION = "e2e", "somewhere1"
TIMEOUT = 20

# Where names are the caller's own, and are left as they are.
FREE = {"args", "responseJsonSchema", "parametersJsonSchema", "labels",
        "customConfigs", "default", "example"}
BASE64 = {"data", "thoughtSignature", "continuationToken", "voiceSampleAudio"}
NUMBERS = {"minItems", "maxItems", "minLength", "maxLength", "minProperties",
           "maxProperties"}
# They differ from call to call.
PASSING = {"createTime", "responseId"}


# --- the two ways to ask -----------------------------------------------------

def sdk_client(url):
    credentials = google.oauth2.credentials.Credentials(token="e2e-token")
    return genai.Client(vertexai=True, project=PROJECT, location=LOCATION,
                        credentials=credentials, http_options={
                            "base_url": url, "api_version": "v1"})


def tried(ask):
    """("answer", what ask returns), ("error", status) for an error of the
    service, or ("raised", class) for another."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return "answer", ask()
    except google.genai.errors.APIError as error:
        return "error", error.status or str(error.code)
    except grpc.RpcError as error:
        failure = calls.Failure()
        failure.take(error)
        return "error", failure.code.name
    except (ValueError, TypeError, AttributeError) as error:
        return "raised", type(error).__name__


def ask_sdk(client, contents, config, model):
    return tried(lambda: sdk_answer(client.models.generate_content(
        model=model, contents=contents, config=config), config))


def stream_sdk(client, contents, config, model):
    return tried(lambda: join([
        sdk_answer(chunk) for chunk in client.models.generate_content_stream(
            model=model, contents=contents, config=config)]))


def count_sdk(client, contents, config, model):
    return tried(lambda: client.models.count_tokens(
        model=model, contents=contents, config=config).total_tokens)


def ask_vertexd(stub, request):
    return tried(lambda: own_answer(stub.Generate(request, timeout=TIMEOUT)))


def stream_vertexd(stub, request):
    return tried(lambda: join([
        own_answer(chunk) for chunk in stub.StreamGenerate(
            request, timeout=TIMEOUT)]))


def count_vertexd(stub, request):
    return tried(lambda: stub.CountTokens(
        request, timeout=TIMEOUT).total_tokens)


# --- a case in the words of the contract -------------------------------------

TOP = {"system_instruction": "system_instruction", "tools": "tools",
       "tool_config": "tool_config", "labels": "labels",
       "safety_settings": "safety_settings",
       "cached_content": "cached_content",
       "model_armor_config": "model_armor_config",
       "continuation_token": "continuation_token",
       "generation_output_config": "output_config"}
GENERATION = {"model_selection_config": "model_config"}
TIERS = {"flex": "REQUEST_TIER_FLEX", "priority": "REQUEST_TIER_PRIORITY",
         "standard": "REQUEST_TIER_STANDARD"}
# What google-genai alone has: knobs of the library itself.
OF_THE_LIBRARY = {"automatic_function_calling", "should_return_http_response"}
# What it refuses to send to Vertex AI; the contract does not have it.
REFUSED = {"enable_enhanced_civic_answers", "store"}


def own_request(contents, config, model):
    """The GenerateRequest that says the same; None where none does."""
    try:
        return own_request_of(contents, config, model)
    except json_format.ParseError:
        return None


def own_request_of(contents, config, model):
    made = {"model": model}
    if isinstance(contents, str):
        made["prompt"] = contents
    else:
        made["contents"] = contents
    generation = {}
    for name, value in config.items():
        if name in OF_THE_LIBRARY:
            continue
        if name in REFUSED:
            return None
        if name == "service_tier":
            made["request_tier"] = TIERS[value]
        elif name == "automatic_continuation":
            made["continue_answer"] = value
        elif name == "http_options":
            if "extra_body" in value:
                made["extra_body"] = value["extra_body"]
        elif name == "system_instruction" and isinstance(value, str):
            made[name] = {"role": "user", "parts": [{"text": value}]}
        elif name == "generation_config":  # of countTokens
            generation.update(value)
        elif name == "image_config":
            generation[name] = own_image_config(value)
        elif name in TOP:
            made[TOP[name]] = value
        else:
            generation[GENERATION.get(name, name)] = value
    if generation:
        made["generation_config"] = generation
    if config.get("response_mime_type") == "application/json":
        made["return_json"] = True
    return json_format.ParseDict(in_json(made), vertexd_pb2.GenerateRequest())


def own_count(contents, config, model):
    """The CountTokensRequest that says the same."""
    whole = own_request(contents, config, model)
    made = vertexd_pb2.CountTokensRequest()
    for field, value in whole.ListFields():
        if field.message_type and field.is_repeated:
            getattr(made, field.name).extend(value)
        elif field.message_type:
            getattr(made, field.name).CopyFrom(value)
        else:
            setattr(made, field.name, value)
    return made


def own_image_config(config):
    made, output = {}, {}
    for name, value in config.items():
        if name == "output_mime_type":
            output["mime_type"] = value
        elif name == "output_compression_quality":
            output["compression_quality"] = value
        else:
            made[name] = value
    return made | ({"image_output_options": output} if output else {})


def in_json(value):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {k: in_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [in_json(v) for v in value]
    return value


# --- one form for both -------------------------------------------------------

def camel(name):
    return re.sub(r"_([a-z])", lambda m: m.group(1).upper(), name)


def one_alphabet(text):
    text = text.rstrip("=").replace("-", "+").replace("_", "/")
    return text + "=" * (-len(text) % 4)


def body_form(value, key=""):
    """A body with one spelling of names, base64, durations and numbers."""
    if isinstance(value, dict):
        if key in FREE or key == "response" and "type" not in value:
            return value
        if key in ("properties", "defs"):
            return {k: body_form(v) for k, v in value.items()}
        return {camel(k): body_form(v, camel(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [body_form(v, key) for v in value]
    if key in BASE64:
        return one_alphabet(value)
    if key in NUMBERS:
        return int(value)
    if key.endswith("Offset") and value.endswith("s"):
        return float(value[:-1])
    return value


def answer_form(value, key=""):
    """As above; what is at its default is left out, as protobuf does."""
    if isinstance(value, dict):
        made = {camel(k): answer_form(v, camel(k)) for k, v in value.items()
                if camel(k) not in PASSING}
        return {k: v for k, v in made.items() if v not in (
            None, "", 0, False, [], {}) and not (
                isinstance(v, str) and v.endswith("_UNSPECIFIED"))}
    if isinstance(value, list):
        return [answer_form(v, key) for v in value]
    if key in BASE64 and isinstance(value, str):
        return one_alphabet(value)
    if isinstance(value, float):
        return float(f"{value:.6g}")  # the contract has some as floats
    return value


SHARED = ("candidates", "promptFeedback", "usageMetadata", "modelVersion",
          "createTime")


def sdk_json(response, config):
    """The JSON value that a user of google-genai gets: parsed, which is there
    where a schema was given, else from the text."""
    if response.parsed is None and config.get(
            "response_mime_type") == "application/json":
        try:
            return json.loads(response.text or "")
        except ValueError:
            return None
    return response.parsed


def sdk_answer(response, config=None):
    """What a user of google-genai reads of an answer."""
    dumped = response.model_dump(mode="json", by_alias=True, exclude_none=True)
    made = answer_form({k: dumped[k] for k in SHARED if k in dumped})
    made["text"] = response.text or ""
    made["json"] = sdk_json(response, config or {})
    made["functionCalls"] = [
        [c.name, c.args or {}] for c in response.function_calls or []]
    return made


def own_answer(response):
    """What a user of vertexd reads of an answer."""
    dumped = json_format.MessageToDict(response)
    made = answer_form({k: dumped[k] for k in SHARED if k in dumped})
    made["text"] = response.text
    made["json"] = json.loads(response.json) if response.json else None
    parts = response.candidates[0].content.parts if response.candidates else ()
    made["functionCalls"] = [
        [p.function_call.name, json_format.MessageToDict(p.function_call.args)]
        for p in parts if p.HasField("function_call")]
    return made


def join(answers):
    """A stream as what its reader has at the end."""
    made = {"text": "".join(a["text"] for a in answers),
            "functionCalls": [c for a in answers for c in a["functionCalls"]]}
    for answer in answers:
        for key in ("usageMetadata", "modelVersion", "promptFeedback"):
            if key in answer:
                made[key] = answer[key]
        for candidate in answer.get("candidates", []):
            if "finishReason" in candidate:
                made["finishReason"] = candidate["finishReason"]
    return made


# --- differences -------------------------------------------------------------

def differences(one, other, path):
    """Paths at which the two differ; of a part that one has and the other has
    not, its root."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {d for key in one.keys() | other.keys()
                for d in differences(one.get(key), other.get(key),
                                     f"{path}.{key}")}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(
            other):
        return {d for i, (a, b) in enumerate(zip(one, other))
                for d in differences(a, b, f"{path}[{i}]")}
    if isinstance(one, bool) != isinstance(other, bool):
        return {path}
    return set() if one == other else {path}


def sorted_texts(value, key=""):
    """With the properties of JSON texts in one order: that of an answer is
    that of the schema, which a map does not keep."""
    if isinstance(value, dict):
        return {k: sorted_texts(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [sorted_texts(v) for v in value]
    if key != "text" or not value.startswith("{"):
        return value
    try:
        return json.dumps(json.loads(value), sort_keys=True)
    except ValueError:
        return value


def outcome(sdk, own):
    """Whether both had an answer, or errors of the same kind."""
    if sdk[0] == own[0] == "answer":
        return differences(sorted_texts(sdk[1]), sorted_texts(own[1]),
                           "answer")
    if sdk == own and sdk[0] == "error":
        return set()
    return {f"{name_of_end(sdk)} → {name_of_end(own)}"}


def name_of_end(end):
    return end[0] if end[0] == "answer" else end[1]


def arrived(captured):
    """A request as the upstream saw it: its path, and its body in one form.
    An empty generationConfig is none."""
    body = body_form(captured.body)
    if body.get("generationConfig") == {}:
        del body["generationConfig"]
    return {"path": captured.path, **body}
