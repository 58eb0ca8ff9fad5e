/** USD before tax, on demand, without free tiers and discounts. */
export interface RegionPrices {
  /** EKS, in standard support. */
  readonly clusterHour: number;
  /** A c6a.large, as a measure: the pool takes what is cheapest of its kind when a node is needed. */
  readonly nodeHour: number;
  /** What Auto Mode adds to it. */
  readonly nodeFeeHour: number;
  readonly diskGbMonth: number;
  readonly loadBalancerHour: number;
  /** 25 new connections a second, 3,000 open ones or 1 GB an hour, whichever is most. */
  readonly loadBalancerUnitHour: number;
  readonly publicAddressHour: number;
  readonly natHour: number;
  readonly natGb: number;
  readonly logGb: number;
  readonly imageGbMonth: number;
  /** To the internet; the account's first 100 GB a month are free. */
  readonly trafficGb: number;
}

/** The month in which the figures were collected; AWS changes them without notice. */
export const collectedIn = '2026-11';

/** Where AWS says what each of them is now. */
export const priceSources: Readonly<Record<keyof RegionPrices, string>> = {
  clusterHour: 'https://aws.amazon.com/eks/pricing/',
  nodeHour: 'https://aws.amazon.com/ec2/pricing/on-demand/',
  nodeFeeHour: 'https://aws.amazon.com/eks/pricing/',
  diskGbMonth: 'https://aws.amazon.com/ebs/pricing/',
  loadBalancerHour: 'https://aws.amazon.com/elasticloadbalancing/pricing/',
  loadBalancerUnitHour: 'https://aws.amazon.com/elasticloadbalancing/pricing/',
  publicAddressHour: 'https://aws.amazon.com/vpc/pricing/',
  natHour: 'https://aws.amazon.com/vpc/pricing/',
  natGb: 'https://aws.amazon.com/vpc/pricing/',
  logGb: 'https://aws.amazon.com/cloudwatch/pricing/',
  imageGbMonth: 'https://aws.amazon.com/ecr/pricing/',
  trafficGb: 'https://aws.amazon.com/ec2/pricing/on-demand/',
};

/** Stands in for every region that the table lacks. */
export const referenceRegion = 'us-east-1';

const virginia = {
  clusterHour: 0.1,
  nodeHour: 0.0765,
  nodeFeeHour: 0.0092,
  diskGbMonth: 0.08,
  loadBalancerHour: 0.0225,
  loadBalancerUnitHour: 0.008,
  publicAddressHour: 0.005,
  natHour: 0.045,
  natGb: 0.045,
  logGb: 0.5,
  imageGbMonth: 0.1,
  trafficGb: 0.09,
} as const satisfies RegionPrices;

export const regions = {
  'us-east-1': virginia,
  // AWS asks the same in Ohio.
  'us-east-2': virginia,
} as const satisfies Readonly<Record<string, RegionPrices>>;
