"""Requests from one dialect into the other; what can't be said there is refused, never left out silently where it would matter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from bartizan.errors import RefusedError
from bartizan.gateway.mapper import compact

_DEFAULT_MAX_TOKENS: Final = 4096
_CHAT_DROPPED: Final = frozenset(
    {"user", "safety_identifier", "metadata", "store", "seed", "service_tier", "stream_options", "n", "logprobs", "parallel_tool_calls"}
    | {"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "max_completion_tokens", "max_tokens", "stop", "verbosity"}
)
"""Fields that another dialect lacks and that change nothing about what is asked, or that are translated by name below."""
_MESSAGES_DROPPED: Final = frozenset(
    {"metadata", "service_tier", "speed", "cache_control", "inference_geo", "diagnostics", "user_profile_id", "workspace_id", "system"}
    | {"stop_sequences", "thinking"}
)
_PASSED: Final = frozenset({"model", "temperature", "top_p", "stream"})
_HANDLED: Final = frozenset({"messages", "tools", "tool_choice"})
_CHOICES: Final = {"auto": {"type": "auto"}, "none": {"type": "none"}, "required": {"type": "any"}}


def refuse(what: str, param: str) -> RefusedError:
    """Return the refusal of something that the model server's dialect can't say."""
    return RefusedError(
        f"{what} can't be said to this model's server",
        code="not_translatable",
        param=param,
        hint="use a model whose server speaks your dialect",
    )


def to_messages(fields: dict[str, Any]) -> dict[str, Any]:
    """Translate a chat completion request; raises RefusedError 400 ``not_translatable``."""
    _check(fields, _CHAT_DROPPED, zero_is_default=("frequency_penalty", "presence_penalty"))
    if (fields.get("n") or 1) != 1 or fields.get("logprobs"):
        raise refuse("more than one choice, or log probabilities,", "n")
    out = {name: fields[name] for name in _PASSED if fields.get(name) is not None}
    out["max_tokens"] = fields.get("max_completion_tokens") or fields.get("max_tokens") or _DEFAULT_MAX_TOKENS
    if stop := fields.get("stop"):
        out["stop_sequences"] = [stop] if type(stop) is str else stop
    system, messages = _chat_messages(fields["messages"])
    if system:
        out["system"] = "\n\n".join(system)
    out["messages"] = messages
    if fields.get("tools"):
        out["tools"] = [_to_tool(tool) for tool in fields["tools"]]
        choice = _to_tool_choice(fields.get("tool_choice"))
        if fields.get("parallel_tool_calls") is False:
            choice = (choice or {"type": "auto"}) | {"disable_parallel_tool_use": True}
        if choice:
            out["tool_choice"] = choice
    return out


def to_chat(fields: dict[str, Any]) -> dict[str, Any]:
    """Translate a messages request; raises RefusedError 400 ``not_translatable``."""
    _check(fields, _MESSAGES_DROPPED | {"max_tokens"})
    if fields.get("thinking") and fields["thinking"].get("type") != "disabled":
        raise refuse("extended thinking", "thinking")
    out = {name: fields[name] for name in _PASSED if fields.get(name) is not None}
    if fields.get("max_tokens"):
        out["max_tokens"] = fields["max_tokens"]
    if out.get("stream"):
        out["stream_options"] = {"include_usage": True}
    if fields.get("stop_sequences"):
        out["stop"] = fields["stop_sequences"]
    messages: list[dict[str, Any]] = []
    if fields.get("system"):
        messages.append({"role": "system", "content": _plain(fields["system"], "system")})
    for message in fields["messages"]:
        messages += _from_assistant(message) if message["role"] == "assistant" else _from_user(message)
    out["messages"] = messages
    if fields.get("tools"):
        out["tools"] = [_from_tool(tool) for tool in fields["tools"]]
        out |= _from_tool_choice(fields.get("tool_choice"))
    return out


def _check(fields: dict[str, Any], dropped: frozenset[str], *, zero_is_default: tuple[str, ...] = ()) -> None:
    for name, value in fields.items():
        known = name in _PASSED or name in _HANDLED or name in dropped
        if not known and value is not None and not (name in zero_is_default and value == 0):
            raise refuse(f"the field {name[:100]}", name[:100])


def _chat_messages(messages: list[dict[str, Any]]) -> tuple[list[str], list[dict[str, Any]]]:
    system: list[str] = []
    out: list[dict[str, Any]] = []
    for message in messages:
        role, content = message["role"], message.get("content")
        match role:
            case "system" | "developer" if not out:
                system.append(_plain(content, "messages"))
            case "user":
                out.append({"role": "user", "content": content if type(content) is str else [_to_block(part) for part in content or ()]})
            case "assistant":
                out.append({"role": "assistant", "content": list(_assistant_blocks(message))})
            case "tool":
                result = {"type": "tool_result", "tool_use_id": message.get("tool_call_id"), "content": _plain(content, "messages")}
                if out and out[-1]["role"] == "user" and out[-1].get("content") and _is_results(out[-1]["content"]):
                    out[-1]["content"].append(result)
                else:
                    out.append({"role": "user", "content": [result]})
            case _:
                raise refuse(f"a message of role {role} in this place", "messages")
    return system, out


def _is_results(content: object) -> bool:
    return type(content) is list and all(block.get("type") == "tool_result" for block in content)


def _assistant_blocks(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    text = _plain(message.get("content"), "messages") or message.get("refusal")
    if text:
        yield {"type": "text", "text": text}
    for call in message.get("tool_calls") or ():
        function = call.get("function")
        if function is None:
            raise refuse("a custom tool call", "messages")
        yield {"type": "tool_use", "id": call.get("id"), "name": function["name"], "input": _object(function.get("arguments") or "{}")}


def _object(arguments: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(arguments)
    except msgspec.DecodeError as error:
        raise refuse("a tool call whose arguments are not JSON", "messages") from error
    if type(value) is not dict:
        raise refuse("a tool call whose arguments are not an object", "messages")
    return value


def _to_block(part: dict[str, Any]) -> dict[str, Any]:
    match part.get("type"):
        case "text":
            return {"type": "text", "text": part["text"]}
        case "image_url":
            image = part["image_url"]
            url = image["url"] if type(image) is dict else image
            if not url.startswith("data:"):
                return {"type": "image", "source": {"type": "url", "url": url}}
            head, _, data = url[5:].partition(";base64,")
            return {"type": "image", "source": {"type": "base64", "media_type": head, "data": data}}
        case kind:
            raise refuse(f"a part of type {kind}", "messages")


def _to_tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise refuse(f"a tool of type {tool.get('type')}", "tools")
    function = tool["function"]
    out = {"name": function["name"], "input_schema": function.get("parameters") or {"type": "object"}}
    return out | ({"description": function["description"]} if function.get("description") else {})


def _to_tool_choice(choice: object) -> dict[str, Any] | None:
    if choice is None:
        return None
    if type(choice) is str and choice in _CHOICES:
        return _CHOICES[choice]
    if type(choice) is dict and choice.get("type") == "function":
        return {"type": "tool", "name": choice["function"]["name"]}
    raise refuse("this tool_choice", "tool_choice")


def _plain(content: object, param: str) -> str:
    """Return the text of content that may hold nothing else."""
    if content is None or type(content) is str:
        return content or ""
    texts = []
    for part in content:  # type: ignore[attr-defined]  # the mapper has checked that it is a list of objects
        if part.get("type") != "text":
            raise refuse(f"a part of type {part.get('type')} here", param)
        texts.append(part["text"])
    return "\n".join(texts)


def _from_user(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    if type(content) is str:
        return [{"role": "user", "content": content}]
    out: list[dict[str, Any]] = []
    parts = []
    for block in content:
        if block["type"] == "tool_result":
            out.append({"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": _plain(block.get("content"), "messages")})
        else:
            parts.append(_from_block(block))
    return [*out, {"role": "user", "content": parts}] if parts else out


def _from_block(block: dict[str, Any]) -> dict[str, Any]:
    match block["type"]:
        case "text":
            return {"type": "text", "text": block["text"]}
        case "image":
            source = block["source"]
            if source["type"] == "url":
                return {"type": "image_url", "image_url": {"url": source["url"]}}
            if source["type"] == "base64":
                return {"type": "image_url", "image_url": {"url": f"data:{source['media_type']};base64,{source['data']}"}}
            raise refuse(f"an image by {source['type']}", "messages")
        case kind:
            raise refuse(f"a block of type {kind}", "messages")


def _from_assistant(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    if type(content) is str:
        return [{"role": "assistant", "content": content}]
    texts, calls = [], []
    for block in content:
        match block["type"]:
            case "text":
                texts.append(block["text"])
            case "tool_use":
                function = {"name": block["name"], "arguments": compact(block.get("input"))}
                calls.append({"id": block.get("id"), "type": "function", "function": function})
            case "thinking" | "redacted_thinking":
                pass  # earlier thoughts are for the server that thought them
            case kind:
                raise refuse(f"a block of type {kind}", "messages")
    out: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    return [out | ({"tool_calls": calls} if calls else {})]


def _from_tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type", "custom") != "custom":
        raise refuse(f"a tool of type {tool['type']}", "tools")
    function = {"name": tool["name"], "parameters": tool["input_schema"]}
    return {"type": "function", "function": function | ({"description": tool["description"]} if tool.get("description") else {})}


def _from_tool_choice(choice: dict[str, Any] | None) -> dict[str, Any]:
    if not choice:
        return {}
    out: dict[str, Any] = {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {}
    match choice.get("type"):
        case "tool":
            return out | {"tool_choice": {"type": "function", "function": {"name": choice["name"]}}}
        case "auto" | "none" as same:
            return out | {"tool_choice": same}
        case "any":
            return out | {"tool_choice": "required"}
        case _:
            raise refuse("this tool_choice", "tool_choice")
