import { expect, test } from 'bun:test';
import { ValidatingAdmissionPolicy } from 'kubernetes-models/admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy';
import { ValidatingAdmissionPolicyBinding } from 'kubernetes-models/admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import type { KubernetesObject } from '../api/kinds.ts';
import { allObjects } from './all-objects.ts';
import { makeShop, type ShopParts } from './fixtures.ts';
import { toYaml } from './yaml.ts';

const variants: Readonly<Record<string, ShopParts>> = {
  'as the defaults make it': {},
  'with secrets and liveness': {
    service: { secrets: { TOKEN: { env: 'TOKEN' } }, probes: { live: '/livez', metrics: '/metrics' } },
  },
  'autoscaled behind a load balancer': {
    environment: { autoscale: { max: 6 }, exposure: { kind: 'loadbalancer', annotations: { a: 'b' } } },
  },
  'behind an Ingress with TLS': {
    environment: {
      exposure: { kind: 'ingress', host: 'shop.example.com', className: 'nginx', tlsSecret: 'shop-tls' },
      allowFrom: [{ namespace: 'ingress-nginx' }, { cidr: '10.0.0.0/8' }],
    },
  },
  'of a brought image': { command: [], pullSecret: 'pull' },
};

for (const [name, parts] of Object.entries(variants)) {
  test(`an environment ${name} keeps to Kubernetes' schemas`, () => {
    for (const object of objectsOf(parts)) expect(() => validate(object)).not.toThrow();
  });
}

test('an environment is these objects, in this order', () => {
  const objects = objectsOf({ service: { secrets: { TOKEN: { env: 'TOKEN' } } } });

  const policies = objects.filter(({ kind }) => kind.startsWith('Validating'));
  expect(policies.map(({ kind }) => kind)).toEqual([
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'ValidatingAdmissionPolicyBinding',
  ]);
  expect(toYaml(objects.filter((object) => !policies.includes(object)))).toMatchInlineSnapshot(`
    "---
    apiVersion: v1
    kind: Namespace
    metadata:
      name: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        pod-security.kubernetes.io/enforce: restricted
        pod-security.kubernetes.io/warn: restricted
        pod-security.kubernetes.io/audit: restricted
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: shop-admitted
      namespace: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        app.kubernetes.io/component: state
    data:
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef": ""
    ---
    apiVersion: v1
    kind: ServiceAccount
    metadata:
      name: shop
      namespace: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        app.kubernetes.io/component: service
    automountServiceAccountToken: false
    ---
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: shop
      namespace: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        app.kubernetes.io/component: service
    spec:
      podSelector:
        matchLabels:
          app.kubernetes.io/name: shop
          app.kubernetes.io/component: service
      policyTypes:
      - Ingress
      ingress:
      - from:
        - podSelector: {}
        ports:
        - port: http
          protocol: TCP
    ---
    apiVersion: v1
    kind: Service
    metadata:
      name: shop
      namespace: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        app.kubernetes.io/component: service
    spec:
      type: ClusterIP
      selector:
        app.kubernetes.io/name: shop
        app.kubernetes.io/component: service
      ports:
      - name: http
        port: 80
        targetPort: http
        protocol: TCP
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: shop-settings-9c96255b3bbb251d
      namespace: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        app.kubernetes.io/component: state
        causeway.dev/keeps: settings
    immutable: true
    data:
      DRAIN_SECONDS: "2"
      SHUTDOWN_DEADLINE_SECONDS: "30"
      RELEASE: "3687f4d"
      PORT: "8080"
      HOST: "0.0.0.0"
    ---
    apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata:
      name: shop
      namespace: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        app.kubernetes.io/component: service
    spec:
      maxUnavailable: 1
      unhealthyPodEvictionPolicy: AlwaysAllow
      selector:
        matchLabels:
          app.kubernetes.io/name: shop
          app.kubernetes.io/component: service
          causeway.dev/release: "3687f4d1c6b78fda"
          causeway.dev/secret-set: unset
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: shop
      namespace: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        app.kubernetes.io/component: service
    spec:
      replicas: 2
      selector:
        matchLabels:
          app.kubernetes.io/name: shop
          app.kubernetes.io/component: service
      minReadySeconds: 0
      progressDeadlineSeconds: 120
      strategy:
        type: RollingUpdate
        rollingUpdate:
          maxUnavailable: 0
          maxSurge: 1
      template:
        metadata:
          labels:
            app.kubernetes.io/component: service
            app.kubernetes.io/managed-by: causeway
            app.kubernetes.io/name: shop
            app.kubernetes.io/version: "3687f4d"
            causeway.dev/environment: staging
            causeway.dev/release: "3687f4d1c6b78fda"
            causeway.dev/secret-set: unset
        spec:
          automountServiceAccountToken: false
          containers:
          - envFrom:
            - configMapRef:
                name: shop-settings-9c96255b3bbb251d
            image: registry.example.com/team/shop@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
            imagePullPolicy: IfNotPresent
            lifecycle:
              preStop:
                sleep:
                  seconds: 10
            name: service
            ports:
            - containerPort: 8080
              name: http
              protocol: TCP
            readinessProbe:
              failureThreshold: 3
              httpGet:
                path: /
                port: http
              periodSeconds: 1
              timeoutSeconds: 1
            resources:
              limits:
                memory: "256Mi"
              requests:
                cpu: "100m"
                memory: "256Mi"
            securityContext:
              allowPrivilegeEscalation: false
              capabilities:
                drop:
                - ALL
              readOnlyRootFilesystem: true
              runAsNonRoot: true
            startupProbe:
              failureThreshold: 600
              httpGet:
                path: /
                port: http
              periodSeconds: 1
              timeoutSeconds: 1
            terminationMessagePolicy: FallbackToLogsOnError
            volumeMounts:
            - mountPath: /tmp
              name: tmp
            env:
            - name: TOKEN
              valueFrom:
                secretKeyRef:
                  key: TOKEN
                  name: shop-secrets-unset
          enableServiceLinks: false
          securityContext:
            runAsNonRoot: true
            seccompProfile:
              type: RuntimeDefault
          serviceAccountName: shop
          terminationGracePeriodSeconds: 45
          topologySpreadConstraints:
          - labelSelector:
              matchLabels:
                app.kubernetes.io/component: service
                app.kubernetes.io/name: shop
            matchLabelKeys:
            - pod-template-hash
            maxSkew: 1
            topologyKey: kubernetes.io/hostname
            whenUnsatisfiable: ScheduleAnyway
          - labelSelector:
              matchLabels:
                app.kubernetes.io/component: service
                app.kubernetes.io/name: shop
            matchLabelKeys:
            - pod-template-hash
            maxSkew: 1
            topologyKey: topology.kubernetes.io/zone
            whenUnsatisfiable: ScheduleAnyway
          volumes:
          - emptyDir:
              sizeLimit: "256Mi"
            name: tmp
    "
  `);
});

test('an Ingress with TLS, an autoscaler and who may come', () => {
  const { environment } = variants['behind an Ingress with TLS'] ?? {};
  const objects = objectsOf({ environment: { ...environment, autoscale: { max: 6 } } });

  const kinds = ['Ingress', 'NetworkPolicy', 'HorizontalPodAutoscaler'];
  expect(toYaml(objects.filter(({ kind }) => kinds.includes(kind)))).toMatchInlineSnapshot(`
    "---
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: shop
      namespace: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        app.kubernetes.io/component: service
    spec:
      podSelector:
        matchLabels:
          app.kubernetes.io/name: shop
          app.kubernetes.io/component: service
      policyTypes:
      - Ingress
      ingress:
      - from:
        - podSelector:
            matchLabels:
              app.kubernetes.io/name: shop
              app.kubernetes.io/managed-by: causeway
              causeway.dev/environment: staging
              app.kubernetes.io/component: agent
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: ingress-nginx
        - ipBlock:
            cidr: "10.0.0.0/8"
        ports:
        - port: http
          protocol: TCP
    ---
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata:
      name: shop
      namespace: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        app.kubernetes.io/component: service
    spec:
      scaleTargetRef:
        apiVersion: apps/v1
        kind: Deployment
        name: shop
      minReplicas: 2
      maxReplicas: 6
      metrics:
      - type: Resource
        resource:
          name: cpu
          target:
            type: Utilization
            averageUtilization: 80
    ---
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata:
      name: shop
      namespace: shop-staging
      labels:
        app.kubernetes.io/name: shop
        app.kubernetes.io/managed-by: causeway
        causeway.dev/environment: staging
        app.kubernetes.io/component: service
    spec:
      ingressClassName: nginx
      tls:
      - hosts:
        - shop.example.com
        secretName: shop-tls
      rules:
      - host: shop.example.com
        http:
          paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: shop
                port:
                  name: http
    "
  `);
});

test('a namespace that the config names is not among them, as it may have other owners', () => {
  const objects = objectsOf({ environment: { namespace: 'team' } });

  expect(objects.map(({ kind }) => kind)).not.toContain('Namespace');
});

test('equal input gives equal bytes', () => {
  expect(toYaml(objectsOf({}))).toBe(toYaml(objectsOf({})));
  expect(makeShop().stored).toEqual(makeShop().stored);
});

function objectsOf(parts: ShopParts): readonly KubernetesObject[] {
  const { place, config, stored } = makeShop(parts);
  const replicas = config.autoscale ? undefined : config.replicas;
  return allObjects({ place, config, stored, secretSet: undefined, replicas });
}

/** Throws where an object does not fit its schema. */
function validate(object: KubernetesObject): void {
  const models = {
    ConfigMap,
    Deployment,
    HorizontalPodAutoscaler,
    Ingress,
    Namespace,
    NetworkPolicy,
    PodDisruptionBudget,
    Service,
    ServiceAccount,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
  };
  const Model = models[object.kind as keyof typeof models] as new (data: unknown) => { validate(): void };
  new Model(object).validate();
}
