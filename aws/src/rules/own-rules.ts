import type { ValidationRuleSource } from 'aws-cdk-lib';

/**
 * What a template of ours must never be, in AWS' language for it; every synthesis is checked by them.
 * https://docs.aws.amazon.com/cfn-guard/latest/ug/writing-rules.html
 */
export const ownRules: readonly ValidationRuleSource[] = [
  {
    name: 'causeway',
    content: `
let clusters = Resources.*[ Type == 'AWS::EKS::Cluster' ]
let roles = Resources.*[ Type == 'AWS::IAM::Role' ]
let own_roles = Resources.*[
  Type == 'AWS::IAM::Role'
  Properties.Policies exists
]
let log_groups = Resources.*[ Type == 'AWS::Logs::LogGroup' ]
let repositories = Resources.*[ Type == 'AWS::ECR::Repository' ]
let programs = Resources.*[ Type == /^(AWS::Lambda::|Custom::|AWS::CloudFormation::CustomResource$)/ ]
let kept = Resources.*[ DeletionPolicy exists ]
let budgets = Resources.*[ Type == 'AWS::Budgets::Budget' ]
let taggable = Resources.*[
  Type != /^AWS::EC2::(VPCGatewayAttachment|Route|SubnetRouteTableAssociation|SecurityGroupIngress)$/
  Type != /^AWS::(Route53::RecordSet|Scheduler::Schedule|Budgets::Budget)$/
]

rule api_endpoint_is_closed when %clusters !empty {
  %clusters.Properties.ResourcesVpcConfig {
    PublicAccessCidrs exists
    PublicAccessCidrs[*] != /\\/0$/ <<the API server answers everybody>>
  }
}

rule cluster_is_in_standard_support when %clusters !empty {
  %clusters.Properties.UpgradePolicy.SupportType == 'STANDARD' <<extended support costs six times as much>>
}

rule actions_are_named when %own_roles !empty {
  %own_roles.Properties.Policies[*].PolicyDocument.Statement[*].Action[*] != /\\*/ <<an action is a pattern>>
}

rule only_reads_are_of_anything when %own_roles !empty {
  let of_anything = %own_roles.Properties.Policies[*].PolicyDocument.Statement[ Resource == '*' ]
  when %of_anything !empty {
    %of_anything.Action[*] == /^[a-z0-9-]+:(Describe|Get|List)[A-Za-z0-9]+$/ <<anything at all may be changed>>
  }
}

rule roles_have_a_path when %roles !empty {
  %roles.Properties.Path == /^\\/causeway\\/.+\\/$/ <<a role is not under the environment's path>>
}

rule everything_is_tagged when %taggable !empty {
  %taggable {
    some Properties.Tags[*].Key == 'causeway:project' <<the tag of the project is missing>>
    some Properties.Tags[*].Key == 'causeway:environment' <<the tag of the environment is missing>>
    some Properties.Tags[*].Key == 'causeway:stack' <<the tag of the stack is missing>>
  }
}

rule budgets_are_tagged when %budgets !empty {
  %budgets { some Properties.ResourceTags[*].Key == 'causeway:stack' <<the tag of the stack is missing>> }
}

rule logs_end when %log_groups !empty {
  %log_groups.Properties.RetentionInDays exists <<logs are kept for ever>>
}

rule nothing_is_kept when %kept !empty {
  %kept.DeletionPolicy == 'Delete' <<deleting the stack leaves it>>
}

rule images_go when %repositories !empty {
  %repositories.Properties.EmptyOnDelete == true <<a repository with images keeps its stack from being deleted>>
}

rule nothing_is_programmed when %programs !empty {
  %programs.Type == 'none' <<a resource runs code of ours while the stack is made>>
}
`,
  },
];
