"""Language models behind one port, with caps, a budget and guardrails around them."""

import os

# LiteLLM reads these when it is imported. It would fetch a price list at that moment, and a tokenizer for every model
# with "llama-3" in its name, which holds up the whole process for 23 s where there is no way out. And it would search
# what it writes about a failed call for secrets, half of that call's cost; the gateway passes on nothing of it.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("LITELLM_DISABLE_REDACT_SECRETS", "true")
