"""Calls, entries and answers written from the contract by `make gen`; empty until a service's contract carries its HTTP routes.

For a service such as evaluation the generator writes, and nobody edits:

- `evaluation_answers.py` and `evaluation_entries.py`: frozen dataclasses of what is read and sent. `core.decoding` and
  `core.encoding` need nothing but their type hints.
- `evaluation_calls.py`: one function for each rpc with a route, which returns a `core.call.Call`:

      def list_parks(*, page_size: int | None = None, page_token: str = "") -> Call[Page[Park]]:
          \"\"\"Reads a page of parks.\"\"\"
          return list_page("/v1/parks", "parks", Park, page_token, page_size=page_size)


      def get_park(park_id: str) -> Call[Park]:
          \"\"\"Reads a park.\"\"\"
          return Call("GET", path("/v1/parks/{park_id}", park_id=park_id), value_of(Park))

  The path template is the contract's; `path` encodes the ids, `query` leaves out what has no value, `send_json` encodes the body,
  `value_of`, `list_of`, `page_of` and `registered` read the answer. An rpc without an idempotency level has `retried=False`.
- `aio/evaluation.py`: the mixin with a method for each call, from which `client/generate_sync.py` writes `sync/evaluation.py`:

      class AsyncEvaluationMethods(AsyncSender):
          async def get_park(self, park_id: str) -> Park:
              \"\"\"Returns a park.\"\"\"
              return await self.send(calls.get_park(park_id))

          def iterate_parks(self) -> AsyncIterator[Park]:
              \"\"\"Yields parks page by page.\"\"\"
              return self._items(lambda token: calls.list_parks(page_token=token))

The mixin takes the place of that in the written `aio/evaluation.py` among the bases of `AsyncParkCarbonClient`; files, tables and
downloads stay written by hand, in a mixin of their own. `parkcarbon_client.calls` and `parkcarbon_client` import from the modules.
"""
