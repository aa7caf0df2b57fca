"""One interceptor that runs guards around every handler of a gRPC server."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeAlias

import grpc

Context = grpc.aio.ServicerContext[Any, Any]
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Guard = Callable[[str, Context], AbstractAsyncContextManager[None]]
"""Runs around one call; is given the full method name and the call's context."""

_UNGUARDED: Final = ("/grpc.health.v1.Health/", "/grpc.reflection.")


class GuardInterceptor(grpc.aio.ServerInterceptor):
    """Runs a guard around each call, but those of the health and reflection services.

    A wrapped handler is made once per method and kept: with grpc.aio the chain of interceptors is walked again for every
    call, which costs more than the guards do.
    """

    def __init__(self, guard: Guard) -> None:
        """Stores the guard."""
        self._guard = guard
        self._guarded: dict[str, _Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "_Handler | None":
        """Returns the handler of a method with the guard around it; None for a method that nobody handles.

        Raises:
            TypeError: If the servicer's method is neither a coroutine nor an async generator.
        """
        method = handler_call_details.method
        guarded = self._guarded.get(method)
        if guarded is not None:
            return guarded
        handler: _Handler | None = await continuation(handler_call_details)
        if handler is None or method.startswith(_UNGUARDED):
            return handler
        guarded = self._wrap(method, handler)
        self._guarded[method] = guarded
        return guarded

    def _wrap(self, method: str, handler: _Handler) -> _Handler:
        guard = self._guard
        behavior: Any = (
            (handler.stream_stream if handler.response_streaming else handler.stream_unary)
            if handler.request_streaming
            else (handler.unary_stream if handler.response_streaming else handler.unary_unary)
        )

        async def unary(request: Any, context: Context) -> Any:
            async with guard(method, context):
                return await behavior(request, context)

        async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
            async with guard(method, context):
                async for response in behavior(request, context):
                    yield response

        if handler.response_streaming and not inspect.isasyncgenfunction(behavior):
            raise TypeError(f"{method} has to be an async generator")
        if not handler.response_streaming and not inspect.iscoroutinefunction(behavior):
            raise TypeError(f"{method} has to be a coroutine")
        factories: dict[tuple[bool, bool], Any] = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }
        make = factories[(handler.request_streaming, handler.response_streaming)]
        guarded: _Handler = make(
            stream if handler.response_streaming else unary,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        return guarded
