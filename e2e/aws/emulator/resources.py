"""The types that MiniStack's CloudFormation lacks, made of its services, which it has."""

import copy

import ministack.services.budgets as budgets
import ministack.services.eks as eks

from .template import add_type, camel, must, tag_map, typed


def install():
    add_type(
        "AWS::EKS::AccessEntry", create_entry, update_entry, delete_entry,
        tags="Tags", replaced_by=("ClusterName", "PrincipalArn", "Type"),
    )
    add_type(
        "AWS::EKS::PodIdentityAssociation", create_association, update_association, delete_association,
        tags="Tags", replaced_by=("ClusterName", "Namespace", "ServiceAccount"),
    )
    # AWS documents the notifications as made anew with their budget.
    add_type(
        "AWS::Budgets::Budget", create_budget, update_budget, delete_budget,
        tags="ResourceTags", replaced_by=("NotificationsWithSubscribers",),
    )


def create_entry(_logical_id, props, _stack):
    cluster, principal = props["ClusterName"], props["PrincipalArn"]
    entry = must(eks._create_access_entry(cluster, {
        "principalArn": principal,
        "type": props.get("Type", "STANDARD"),
        "username": props.get("Username", ""),
        "kubernetesGroups": props.get("KubernetesGroups", []),
        "tags": tag_map(props.get("Tags")),
    }), "Eks")["accessEntry"]
    associate(cluster, principal, props)
    return f"{principal}|{cluster}", {"AccessEntryArn": entry["accessEntryArn"]}


def update_entry(physical_id, old, new, _stack, _logical_id):
    cluster, principal = new["ClusterName"], new["PrincipalArn"]
    must(eks._update_access_entry(cluster, principal, {
        "kubernetesGroups": new.get("KubernetesGroups", []),
        "username": new.get("Username", ""),
    }), "Eks")
    kept = {policy["PolicyArn"] for policy in new.get("AccessPolicies") or []}
    for policy in old.get("AccessPolicies") or []:
        if policy["PolicyArn"] not in kept:
            eks._disassociate_access_policy(cluster, principal, policy["PolicyArn"])
    associate(cluster, principal, new)
    entry = eks._access_entries[eks._ae_key(cluster, principal)]
    entry["tags"] = tag_map(new.get("Tags"))
    eks._tags[entry["accessEntryArn"]] = dict(entry["tags"])
    return physical_id, {"AccessEntryArn": entry["accessEntryArn"]}


def associate(cluster, principal, props):
    for policy in props.get("AccessPolicies") or []:
        scope = camel(policy.get("AccessScope") or {"Type": "cluster"})
        body = {"policyArn": policy["PolicyArn"], "accessScope": scope}
        must(eks._associate_access_policy(cluster, principal, body), "Eks")


def delete_entry(physical_id, _props):
    principal, cluster = physical_id.rsplit("|", 1)
    eks._delete_access_entry(cluster, principal)


def create_association(_logical_id, props, _stack):
    made = must(eks._create_pod_identity_association(props["ClusterName"], {
        "namespace": props["Namespace"],
        "serviceAccount": props["ServiceAccount"],
        "roleArn": props["RoleArn"],
        "targetRoleArn": props.get("TargetRoleArn"),
        "disableSessionTags": typed(props.get("DisableSessionTags", False)),
        "tags": tag_map(props.get("Tags")),
    }), "Eks")["association"]
    return made["associationArn"], association_attributes(made)


def update_association(physical_id, _old, new, _stack, _logical_id):
    changed = must(eks._update_pod_identity_association(new["ClusterName"], id_of(physical_id), {
        "roleArn": new["RoleArn"],
        "targetRoleArn": new.get("TargetRoleArn"),
        "disableSessionTags": typed(new.get("DisableSessionTags", False)),
    }), "Eks")["association"]
    changed["tags"] = tag_map(new.get("Tags"))
    eks._tags[physical_id] = dict(changed["tags"])
    return physical_id, association_attributes(changed)


def association_attributes(made):
    return {"AssociationArn": made["associationArn"], "AssociationId": made["associationId"]}


def delete_association(physical_id, props):
    eks._delete_pod_identity_association(props["ClusterName"], id_of(physical_id))


def id_of(arn):
    return arn.rsplit("/", 1)[1]


def create_budget(logical_id, props, stack):
    budget = budget_of(props, logical_id, stack)
    must(budgets._create_budget({
        "Budget": budget,
        "ResourceTags": props.get("ResourceTags") or [],
        "NotificationsWithSubscribers": [
            {
                "Notification": {**each["Notification"], "Threshold": float(each["Notification"]["Threshold"])},
                "Subscribers": each["Subscribers"],
            }
            for each in props.get("NotificationsWithSubscribers") or []
        ],
    }), "Budgets")
    return budget["BudgetName"], {}


def update_budget(physical_id, _old, new, stack, logical_id):
    must(budgets._update_budget({"NewBudget": budget_of(new, logical_id, stack)}), "Budgets")
    budgets._tags[budgets._budget_arn(physical_id)] = tag_map(new.get("ResourceTags"))
    return physical_id, {}


def delete_budget(physical_id, _props):
    budgets._delete_budget({"BudgetName": physical_id})
    budgets._tags.pop(budgets._budget_arn(physical_id), None)


def budget_of(props, logical_id, stack):
    budget = copy.deepcopy(props["Budget"])
    budget.setdefault("BudgetName", f"{stack}-{logical_id}")
    if "BudgetLimit" in budget:
        budget["BudgetLimit"]["Amount"] = str(budget["BudgetLimit"]["Amount"])
    return budget
