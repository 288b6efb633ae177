"""A visitor of the web page, who speaks Gradio's protocol."""

import json


class Visitor:
    """A client with a cookie, and Gradio's protocol."""

    def __init__(self, web, language="en"):
        self.web, self.at = web, f"/{language}/gradio_api"

    async def upload(self, content, name="mine.wav"):
        answer = await self.web.post(f"{self.at}/upload", files={"files": (name, content)})
        assert answer.status_code == 200, answer.text
        return answer.json()[0]

    async def event(self, number, data, session="s" * 10):
        """Send an event to the queue and return the message of its end."""
        body = {"fn_index": number, "data": data, "session_hash": session, "event_data": None}
        joined = await self.web.post(f"{self.at}/queue/join", json=body)
        assert joined.status_code == 200, joined.text
        query = {"session_hash": session}
        async with self.web.stream("GET", f"{self.at}/queue/data", params=query) as events:
            async for line in events.aiter_lines():
                if line.startswith("data: "):
                    message = json.loads(line.removeprefix("data: "))
                    if message["msg"] == "process_completed":
                        return message
        raise AssertionError(f"event {number} has no end")

    async def dependencies(self):
        """Return the events of the page: their number, their name and how many inputs they have.

        Those without code behind them, which only cancel others, are left out.
        """
        config = (await self.web.get(self.at.replace("gradio_api", "config"))).json()
        return [
            (one["id"], one["api_name"], len(one["inputs"]))
            for one in config["dependencies"]
            if one["backend_fn"]
        ]
