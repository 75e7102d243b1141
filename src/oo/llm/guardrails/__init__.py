"""What a written tip must be before a person sees it, and what a caller's text must not be to reach a prompt."""

from oo.llm.guardrails.brief import Brief
from oo.llm.guardrails.draft import Draft, Safety
from oo.llm.guardrails.faults import Fault
from oo.llm.guardrails.guardrails import RULES, Examined, Guardrails

__all__ = ["RULES", "Brief", "Draft", "Examined", "Fault", "Guardrails", "Safety"]
