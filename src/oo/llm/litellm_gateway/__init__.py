"""LiteLLM as the gateway: any provider it knows, and any OpenAI-compatible endpoint."""

from oo.llm.litellm_gateway.gateway import LiteLLMGateway

__all__ = ["LiteLLMGateway"]
