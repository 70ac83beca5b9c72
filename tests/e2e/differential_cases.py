"""Requests that google-genai and vertexd are both asked to make: one table,
in the words of google-genai. `contents` is a text or turns; `config` has fields
of GenerateContentConfig. How vertexd says the same is in differential.py.
"""

import harness

SCHEMA = {"type": "OBJECT", "properties": {
    "name": {"type": "STRING", "description": "What it is called"},
    "count": {"type": "INTEGER", "minimum": 1, "maximum": 9},
    "tags": {"type": "ARRAY", "items": {"type": "STRING"}, "min_items": 1,
             "max_items": 3}},
          "required": ["name", "count"],
          "property_ordering": ["name", "count", "tags"]}

JSON_SCHEMA = {"type": "object", "properties": {
    "name": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
               "required": ["name", "count"], "additionalProperties": False}

FUNCTION = {"name": "ring_bell", "description": "Rings a bell.",
            "parameters": {"type": "OBJECT", "properties": {
                "bell": {"type": "STRING"}, "times": {"type": "INTEGER"}},
                "required": ["bell"]}}

IMAGE = {"inline_data": {"mime_type": "image/png",
                         "data": b"\xff\xfe\x01 not really a picture"}}


def control(**knobs):
    return "Say it. " + harness.control(**knobs)


def user(*parts):
    return {"role": "user", "parts": list(parts)}


def model(*parts):
    return {"role": "model", "parts": list(parts)}


def text(said):
    return {"text": said}


def json_answer(**schema):
    return {"response_mime_type": "application/json", **schema}


def voice(name):
    return {"prebuilt_voice_config": {"voice_name": name}}


CALL = {"function_call": {"name": "ring_bell", "args": {
    "bell": "small", "times": 3, "how": {"loud": True, "note": None,
                                         "list": [1, 2.5, "x"]}}}}
RESULT = {"function_response": {"name": "ring_bell",
                                "response": {"output": "ding"}}}


def tool_turns(call, result):
    return [user(text("Ring it.")), model(call), user(result)]


CONTENTS = {
    "text": "What is a tide?",
    "unicode": "Grüße, 漢字 🎉 \u2028 \ufeff \"quoted\" \\ / </script>",
    "control characters": "a\tb\nc\rd\u0001e\u007f",
    "long text": "tide " * 8000,
    "one turn": [user(text("What is a tide?"))],
    "several texts": [user(text("What is "), text("a tide?"))],
    "turns": [user(text("Hello.")), model(text("Hello!")),
              user(text("And now?"))],
    "role left out": [{"parts": [text("Who am I?")]}],
    "inline data": [user(IMAGE, text("What is it?"))],
    "inline data with a name": [user({"inline_data": {
        **IMAGE["inline_data"], "display_name": "shot.png"}}, text("Well?"))],
    "inline data, every byte": [user({"inline_data": {
        "mime_type": "application/octet-stream",
        "data": bytes(range(256))}}, text("Well?"))],
    "file": [user({"file_data": {"mime_type": "application/pdf",
                                 "file_uri": "gs://b/o.pdf"}}, text("Sum."))],
    "file with a name": [user({"file_data": {
        "mime_type": "application/pdf", "file_uri": "gs://b/o.pdf",
        "display_name": "o.pdf"}}, text("Sum."))],
    "video cut": [user({"file_data": {"mime_type": "video/mp4",
                                      "file_uri": "gs://b/v.mp4"},
                        "video_metadata": {"start_offset": "1.500s",
                                           "end_offset": "10s", "fps": 2.5}},
                       text("What happens?"))],
    "media resolution of a part": [user(
        {**IMAGE, "media_resolution": {"level": "MEDIA_RESOLUTION_HIGH"}},
        text("Look."))],
    "function call and result": tool_turns(CALL, RESULT),
    "function call with an id": tool_turns(
        {"function_call": {"id": "c-1", "name": "ring_bell"}},
        {"function_response": {"id": "c-1", "name": "ring_bell",
                               "response": {"error": "broken"}}}),
    "function result with media": tool_turns(CALL, {"function_response": {
        "name": "ring_bell", "response": {"output": "see"}, "parts": [
            {"inline_data": {"mime_type": "image/png", "data": b"\x89PNG"}},
            {"file_data": {"mime_type": "image/png",
                           "file_uri": "gs://b/i.png"}}]}}),
    "function result scheduled": tool_turns(CALL, {"function_response": {
        "name": "ring_bell", "response": {"output": "ding"},
        "scheduling": "WHEN_IDLE"}}),
    "large numbers in a result": tool_turns(CALL, {"function_response": {
        "name": "ring_bell", "response": {
            "big": 9007199254740992, "small": 1e-9, "minus": -0.5}}}),
    "thought signature": [
        user(text("Ring.")),
        model({**CALL, "thought_signature": b"\xfb\xff\x00sig"}),
        user(RESULT)],
    "thought sent back": [
        user(text("Why?")),
        model({"text": "Hm.", "thought": True,
               "thought_signature": b"\x01\x02"}, text("Because.")),
        user(text("Really?"))],
    "code and its result": [
        user(text("Add.")),
        model({"executable_code": {"language": "PYTHON", "code": "print(2)"}},
              {"code_execution_result": {"outcome": "OUTCOME_OK",
                                         "output": "2\n"}}),
        user(text("Again."))],
    "code with ids": [
        user(text("Add.")),
        model({"executable_code": {"language": "PYTHON", "code": "1/0",
                                   "id": "x1"}},
              {"code_execution_result": {"outcome": "OUTCOME_FAILED",
                                         "output": "no", "id": "x1"}}),
        user(text("Again."))],
    "speaker of a part": [user({"text": "Hi.", "speech_metadata": {
        "speaker": "Ann", "style": "soft"}})],
    "transcription of a part": [user(
        {"inline_data": {"mime_type": "audio/wav", "data": b"RIFF"},
         "audio_transcription": {"text": "hello", "speaker_label": "1"}},
        text("What was said?"))],
}

CONFIGS = {
    "empty": {},
    "system instruction": {"system_instruction": "Be brief."},
    "system instruction of parts": {"system_instruction": user(
        text("Be brief."), text("Be kind."))},
    "temperature": {"temperature": 0.7},
    "temperature 0": {"temperature": 0.0},
    "temperature 2": {"temperature": 2.0},
    "top_p": {"top_p": 0.95},
    "top_p 0": {"top_p": 0.0},
    "top_k": {"top_k": 40.0},
    "sampling together": {"temperature": 0.1, "top_p": 0.2, "top_k": 3.0},
    "candidate_count": {"candidate_count": 3},
    "max_output_tokens": {"max_output_tokens": 4},
    "stop_sequences": {"stop_sequences": ["tide", "."]},
    "response_logprobs": {"response_logprobs": True},
    "logprobs": {"response_logprobs": True, "logprobs": 3},
    "presence_penalty": {"presence_penalty": 0.3},
    "presence_penalty below 0": {"presence_penalty": -1.25},
    "frequency_penalty": {"frequency_penalty": 0.3},
    "seed": {"seed": 42},
    "seed 0": {"seed": 0},
    "seed below 0": {"seed": -7},
    "plain text asked for": {"response_mime_type": "text/plain"},
    "JSON without a schema": json_answer(),
    "response_schema": json_answer(response_schema=SCHEMA),
    "response_schema, all of it": json_answer(response_schema={
        "type": "OBJECT", "title": "T", "nullable": True, "min_properties": 1,
        "max_properties": 5, "properties": {
            "first_name": {"type": "STRING", "min_length": 1, "max_length": 9,
                           "format": "enum", "enum": ["a_b", "cD"]},
            "score": {"type": "NUMBER", "minimum": -1.5, "maximum": 1e6,
                      "example": 2.5, "default": 0.5},
            "either": {"any_of": [{"type": "STRING"}, {"type": "BOOLEAN"}]}},
        "required": ["first_name", "score", "either"]}),
    "response_schema of an enum": {"response_mime_type": "text/x.enum",
                                   "response_schema": {
                                       "type": "STRING",
                                       "enum": ["low", "high"]}},
    "response_schema of a list": json_answer(response_schema={
        "type": "ARRAY", "items": {"type": "INTEGER"}}),
    "response_json_schema": json_answer(response_json_schema=JSON_SCHEMA),
    "response_json_schema with $defs": json_answer(response_json_schema={
        "type": "object", "properties": {"p": {"$ref": "#/$defs/point"}},
        "required": ["p"], "$defs": {"point": {
            "type": "object", "properties": {"x_y": {"type": "number"}},
            "required": ["x_y"]}}}),
    "routing_config auto": {"routing_config": {"auto_mode": {
        "model_routing_preference": "BALANCED"}}},
    "routing_config manual": {"routing_config": {"manual_mode": {
        "model_name": "gemini-x"}}},
    "model_selection_config": {"model_selection_config": {
        "feature_selection_preference": "PRIORITIZE_COST"}},
    "safety_settings": {"safety_settings": [
        {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"},
        {"category": "HARM_CATEGORY_HARASSMENT",
         "threshold": "BLOCK_ONLY_HIGH", "method": "SEVERITY"}]},
    "safety_settings of images": {"safety_settings": [
        {"category": "HARM_CATEGORY_IMAGE_HATE",
         "threshold": "BLOCK_MEDIUM_AND_ABOVE"}]},
    "functions": {"tools": [{"function_declarations": [FUNCTION]}]},
    "functions in JSON Schema": {"tools": [{"function_declarations": [
        {"name": "f", "description": "d", "parameters_json_schema": {
            "type": "object", "properties": {"a_b": {"type": "string"}}},
         "response_json_schema": {"type": "string"}}]}]},
    "function with a response": {"tools": [{"function_declarations": [
        {**FUNCTION, "response": {"type": "STRING"}}]}]},
    "function that does not block": {"tools": [{"function_declarations": [
        {**FUNCTION, "behavior": "NON_BLOCKING"}]}]},
    "google_search": {"tools": [{"google_search": {}}]},
    "google_search narrowed": {"tools": [{"google_search": {
        "exclude_domains": ["a.test"],
        "blocking_confidence": "BLOCK_HIGH_AND_ABOVE",
        "search_types": {"web_search": {}, "image_search": {}}}}]},
    "google_search_retrieval": {"tools": [{"google_search_retrieval": {
        "dynamic_retrieval_config": {"mode": "MODE_DYNAMIC",
                                     "dynamic_threshold": 0.3}}}]},
    "google_maps": {"tools": [{"google_maps": {"enable_widget": True}}]},
    "enterprise_web_search": {"tools": [{"enterprise_web_search": {
        "exclude_domains": ["a.test"]}}]},
    "code_execution": {"tools": [{"code_execution": {}}]},
    "url_context": {"tools": [{"url_context": {}}]},
    "computer_use": {"tools": [{"computer_use": {
        "environment": "ENVIRONMENT_BROWSER",
        "excluded_predefined_functions": ["drag_and_drop"]}}]},
    "parallel_ai_search": {"tools": [{"parallel_ai_search": {
        "api_key": "k", "custom_configs": {"max_results": 3}}}]},
    "exa_ai_search": {"tools": [{"exa_ai_search": {
        "api_key": "k", "custom_configs": {"num_results": 3}}}]},
    "retrieval from a data store": {"tools": [{"retrieval": {
        "vertex_ai_search": {"datastore": "projects/p/d", "max_results": 3,
                             "filter": "a"}}}]},
    "retrieval from a corpus": {"tools": [{"retrieval": {"vertex_rag_store": {
        "rag_resources": [{"rag_corpus": "projects/p/c",
                           "rag_file_ids": ["1"]}],
        "rag_retrieval_config": {
            "top_k": 3, "filter": {"vector_distance_threshold": 0.5},
            "ranking": {"llm_ranker": {"model_name": "m"}}}}}}]},
    "retrieval from an API": {"tools": [{"retrieval": {"external_api": {
        "api_spec": "SIMPLE_SEARCH", "endpoint": "https://a.test",
        "api_auth": {"api_key_config": {"api_key_string": "k"}}}}}]},
    "retrieval from an API, auth_config": {"tools": [{"retrieval": {
        "external_api": {"api_spec": "ELASTIC_SEARCH",
                         "endpoint": "https://a.test",
                         "auth_config": {"auth_type": "NO_AUTH"},
                         "elastic_search_params": {"index": "i",
                                                   "num_hits": 3}}}}]},
    "several tools": {"tools": [{"function_declarations": [FUNCTION]},
                                {"code_execution": {}}]},
    "tool_config AUTO": {
        "tools": [{"function_declarations": [FUNCTION]}],
        "tool_config": {"function_calling_config": {"mode": "AUTO"}}},
    "tool_config ANY": {
        "tools": [{"function_declarations": [FUNCTION]}],
        "tool_config": {"function_calling_config": {
            "mode": "ANY", "allowed_function_names": ["ring_bell"]}}},
    "tool_config streams arguments": {
        "tools": [{"function_declarations": [FUNCTION]}],
        "tool_config": {"function_calling_config": {
            "mode": "AUTO", "stream_function_call_arguments": True}}},
    "tool_config of retrieval": {
        "tools": [{"google_maps": {}}], "tool_config": {"retrieval_config": {
            "lat_lng": {"latitude": 48.85, "longitude": -2.35},
            "language_code": "fr"}}},
    "labels": {"labels": {"team": "tides", "cost_center": "a-1"}},
    "cached_content": {
        "cached_content": "projects/p/locations/l/cachedContents/7"},
    "cached_content by its number": {"cached_content": "7"},
    "cached_content in its collection": {
        "cached_content": "cachedContents/7"},
    "cached_content without project": {
        "cached_content": "locations/l/cachedContents/7"},
    "cached_content of another form": {
        "cached_content": "some/cachedContents/7"},
    "response_modalities": {"response_modalities": ["TEXT", "IMAGE"]},
    "media_resolution": {"media_resolution": "MEDIA_RESOLUTION_LOW"},
    "speech_config": {"speech_config": {
        "language_code": "de-DE", "voice_config": voice("Kore")}},
    "speech_config of two": {"speech_config": {
        "multi_speaker_voice_config": {"speaker_voice_configs": [
            {"speaker": "Ann", "voice_config": voice("Kore")},
            {"speaker": "Bob", "voice_config": voice("Puck")}]}}},
    "speech_config replicated": {"speech_config": {"voice_config": {
        "replicated_voice_config": {"mime_type": "audio/wav",
                                    "voice_sample_audio": b"\xffRIFF"}}}},
    "audio_timestamp": {"audio_timestamp": True},
    "automatic_function_calling": {
        "tools": [{"function_declarations": [FUNCTION]}],
        "automatic_function_calling": {"disable": True}},
    "thinking budget": {"thinking_config": {"thinking_budget": 16,
                                            "include_thoughts": True}},
    "thinking budget 0": {"thinking_config": {"thinking_budget": 0}},
    "thinking level": {"thinking_config": {"thinking_level": "LOW"}},
    "image_config": {"image_config": {"aspect_ratio": "16:9",
                                      "image_size": "2K"}},
    "image_config, all of it": {"image_config": {
        "person_generation": "ALLOW_ADULT",
        "prominent_people": "BLOCK_PROMINENT_PEOPLE",
        "output_mime_type": "image/jpeg", "output_compression_quality": 80}},
    "enable_enhanced_civic_answers": {"enable_enhanced_civic_answers": True},
    "model_armor_config": {"model_armor_config": {
        "prompt_template_name": "projects/p/t/a",
        "response_template_name": "projects/p/t/b"}},
    "service_tier": {"service_tier": "flex"},
    "audio_transcription_config": {"audio_transcription_config": {
        "language_codes": ["de-DE"], "diarization": True,
        "word_timestamp": True}},
    "continuation_token": {"continuation_token": b"\xfe\xff go on"},
    "automatic_continuation": {"automatic_continuation": False},
    "generation_output_config": {"generation_output_config": {
        "output_uri_prefix": "gs://b/out/"}},
    "store": {"store": True},
    "should_return_http_response": {"should_return_http_response": False},
    "http_options": {"http_options": {"timeout": 20000}},
    "http_options with extra_body": {"http_options": {"extra_body": {
        "generationConfig": {"topK": 7}, "labels": {"a": "b"}}}},
    "everything at once": {
        "system_instruction": "Be brief.", "temperature": 1.5, "top_p": 0.5,
        "top_k": 2.0, "candidate_count": 2, "max_output_tokens": 50,
        "stop_sequences": ["@"], "seed": 1, "labels": {"a": "b"},
        "presence_penalty": 0.5, "frequency_penalty": 0.25,
        "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT",
                             "threshold": "OFF"}],
        "tools": [{"function_declarations": [FUNCTION]}],
        "thinking_config": {"include_thoughts": True}},
}

# What goes wrong, or ends in an unusual way.
ENDS = {
    "temperature beyond its range": ("Say it.", {"temperature": 2.5}),
    "candidate_count beyond its range": ("Say it.", {"candidate_count": 99}),
    "unknown model": ("Say it.", {}, "missing-model"),
    "unknown field in extra_body": ("Say it.", {"http_options": {
        "extra_body": {"colour": "red"}}}),
    "JSON schema without JSON": ("Say it.", {"response_schema": SCHEMA}),
    "no parts": ([{"role": "user", "parts": []}], {}),
    "empty text": ("", {}),
    "NUL in the text": ("a\0b", {}),
    "bad role": ([{"role": "robot", "parts": [text("x")]}], {}),
    **{fault: (control(fault=fault), {}) for fault in (
        "http_400", "http_401", "http_403", "http_404", "http_429",
        "http_429_retryinfo", "http_500", "http_503", "http_504", "html_404",
        "html_502", "not_json", "empty_200", "truncated_json", "nul",
        "lone_surrogate", "unknown_fields", "unknown_enum", "no_usage",
        "no_finish")},
    **{f"finish {reason}": (control(finish=reason), {}) for reason in (
        "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "NEW_REASON")},
    **{f"finish {reason} without content": (
        control(finish=reason, content="none"), {}) for reason in (
        "MAX_TOKENS", "SAFETY", "RECITATION", "MALFORMED_FUNCTION_CALL")},
    "prompt blocked": (control(block="SAFETY"), {}),
    "prompt blocked, new reason": (control(block="NEW_REASON"), {}),
    "empty answer": (control(empty=1), {}),
    "thoughts alone": (control(thought_only=1), {}),
    "function called": (control(function_call="ring_bell"), {
        "tools": [{"function_declarations": [FUNCTION]}]}),
    "undeclared function called": (control(function_call="surprise"), {}),
    "JSON in a fence": (control(fence=1), json_answer()),
    "JSON amid prose": (control(prose=1), json_answer()),
    "JSON cut": (control(invalid_json=1), json_answer()),
}


# What is counted: contents, and settings that countTokens takes.
COUNTS = {
    "system instruction": {"system_instruction": "Be brief."},
    "tools": {"tools": [{"function_declarations": [FUNCTION]}]},
    "generation_config": {"generation_config": {
        "temperature": 0.5, "response_mime_type": "application/json",
        "response_schema": SCHEMA}},
}


def cases():
    """Yields (name, contents, config, model)."""
    for name, contents in CONTENTS.items():
        yield f"contents: {name}", contents, {}, harness.MODEL
    for name, config in CONFIGS.items():
        yield f"config: {name}", "What is a tide?", config, harness.MODEL
    # Each with a model of its own: no failure may count against the next one.
    for number, (name, (contents, config, *rest)) in enumerate(ENDS.items()):
        yield (f"end: {name}", contents, config,
               rest[0] if rest else f"{harness.MODEL}-{number}")


def counts():
    """Yields (name, contents, config, model)."""
    for name, contents in CONTENTS.items():
        yield f"contents: {name}", contents, {}, harness.MODEL
    for name, config in COUNTS.items():
        yield f"config: {name}", "What is a tide?", config, harness.MODEL
    yield "end: unknown model", "x", {}, "missing-model"
