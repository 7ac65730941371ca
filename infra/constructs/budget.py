"""Who hears when a month becomes too dear."""

from aws_cdk import aws_budgets as budgets
from constructs import Construct

# Percent of the month's budget: of what is spent, and of what the month will come to.
THRESHOLDS = {"ACTUAL": 80, "FORECASTED": 100}


def monthly_budget(scope: Construct, *, dollars: int, email: str) -> budgets.CfnBudget:
    """A budget for the whole account; it is told by e-mail, for an alarm topic in the EU is another region's."""
    return budgets.CfnBudget(
        scope,
        "Budget",
        budget=budgets.CfnBudget.BudgetDataProperty(
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
        ),
        notifications_with_subscribers=[_notification(kind, email) for kind in THRESHOLDS] if email else None,
    )


def _notification(kind: str, email: str) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            notification_type=kind,
            comparison_operator="GREATER_THAN",
            threshold=THRESHOLDS[kind],
            threshold_type="PERCENTAGE",
        ),
        subscribers=[budgets.CfnBudget.SubscriberProperty(subscription_type="EMAIL", address=email)],
    )
