"""Makes the calls that come as lines of JSON with the openai package, and prints what it sees of each."""

import json
import sys

from openai import APIStatusError, OpenAI


def see_completion(completion):
    [choice] = completion.choices
    return {
        "text": choice.message.content,
        "reasoning": getattr(choice.message, "reasoning_content", None),
        "finish": choice.finish_reason,
        "tokens": completion.usage.total_tokens,
    }


def see_stream(stream, abort):
    text, reasoning, finish, tokens = "", "", None, None
    for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasoning += getattr(choice.delta, "reasoning_content", None) or ""
            finish = choice.finish_reason or finish
        tokens = chunk.usage.total_tokens if chunk.usage else tokens
        if abort and text:
            stream.close()
            return {}
    return {"text": text, "reasoning": reasoning, "finish": finish, "tokens": tokens}


def ask_with_tool(completions, body):
    [choice] = completions.create(**body).choices
    [call] = choice.message.tool_calls
    called = json.loads(call.function.arguments)
    answer = {"role": "tool", "tool_call_id": call.id, "content": f"sunny in {called['city']}"}
    messages = [*body["messages"], choice.message, answer]
    return {**see_completion(completions.create(**{**body, "messages": messages})), "called": called}


def ask(kind, body, base_url, api_key):
    client = OpenAI(base_url=base_url, api_key=api_key, max_retries=0)
    completions = client.chat.completions
    try:
        if kind == "embeddings":
            return {"vectors": [item.embedding for item in client.embeddings.create(**body).data]}
        if kind == "tool":
            return ask_with_tool(completions, body)
        answer = completions.create(**body)
        return see_completion(answer) if kind == "whole" else see_stream(answer, kind == "abort")
    except APIStatusError as error:
        return {"error": {"status": error.status_code, "code": error.code, "param": error.param}}


for line in sys.stdin:
    print(json.dumps(ask(**json.loads(line))), flush=True)
