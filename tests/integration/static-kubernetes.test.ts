/** The manifests: valid by the schemas of the Kubernetes API, equal to the compose files, and with the needed edges only. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import { parse } from 'yaml';
import { composeFile, imageOf, root, serverService } from '../support/compose';
import { envFileNames } from '../support/composed';
import {
  letsThrough,
  manifestFiles,
  manifestsOf,
  selects,
  type Container,
  type End,
  type Manifest,
} from '../support/kubernetes';

const folder = 'deploy/kubernetes';
const files = [...manifestFiles(folder), ...manifestFiles(`${folder}/examples`)];
const all = files.flatMap(manifestsOf);
const models = { Deployment, StatefulSet, NetworkPolicy, PodDisruptionBudget, Namespace, Secret, Service };
const of = (...kinds: string[]): Manifest[] => all.filter(({ kind }) => kinds.includes(kind));
const workloads = of('Deployment', 'StatefulSet');
const compose = composeFile('compose/docker-compose.yml').services;

function named(kind: string, name: string): Manifest {
  const found = of(kind).find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`There is no ${kind} ${name}`);
  return found;
}
function podOf({ metadata, spec: { template } }: Manifest) {
  const [container, ...others] = template?.spec.containers ?? [];
  if (template === undefined || container === undefined || others.length > 0)
    throw new Error(`${metadata.name} needs one container`);
  return { labels: template.metadata.labels, spec: template.spec, container };
}
const workload = (name: string) => {
  const found = workloads.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`There is no workload ${name}`);
  return podOf(found);
};
const envOf = ({ env = [] }: Container) => Object.fromEntries(env.map(({ name, value }) => [name, value]));

describe('every manifest', () => {
  it.each(
    all.map((manifest): [string, Manifest] => [`${manifest.kind} ${manifest.metadata.name}`, manifest]),
  )('%s is valid by the schema of its kind', (_, manifest) => {
    const Model = models[manifest.kind as keyof typeof models];
    expect(Model?.apiVersion).toBe(manifest.apiVersion);
    expect(() => new Model(manifest as never).validate()).not.toThrow();
  });

  it('would be refused with a value of the wrong type', () => {
    const { spec, ...rest } = named('Deployment', 'hook-service');
    expect(() => new Deployment({ ...rest, spec: { ...spec, replicas: 'two' } } as never).validate()).toThrow(
      /replicas/,
    );
  });

  it('is in the list of kustomization.yaml, or an example', () => {
    const { resources, namespace } = parse(
      readFileSync(join(root, folder, 'kustomization.yaml'), 'utf8'),
    ) as {
      resources: string[];
      namespace: string;
    };
    expect(namespace).toBe(named('Namespace', 'toolturn').metadata.name);
    expect(resources.filter((name) => name.endsWith('.yaml')).sort()).toEqual(
      manifestFiles(folder)
        .map((path) => path.slice(folder.length + 1))
        .filter((name) => !name.includes('example'))
        .sort(),
    );
  });
});

describe('every workload', () => {
  it.each(workloads.map((manifest): [string, Manifest] => [manifest.metadata.name, manifest]))(
    '%s has few rights, limits, probes and a pinned image',
    (name, manifest) => {
      const { spec, container } = podOf(manifest);
      expect(container.image).toMatch(/:v?\d+\.\d+\.\d+(-[\w.]+)?$/);
      expect(container.resources.limits.memory).toMatch(/^\d+[MG]i$/);
      expect(container.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      });
      expect(spec.securityContext).toMatchObject({ seccompProfile: { type: 'RuntimeDefault' } });
      // LiteLLM's image, which stays as it is, runs as root and writes into itself.
      if (name !== 'litellm') {
        expect(spec.securityContext).toMatchObject({ runAsNonRoot: true });
        expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
      }
      expect([spec.automountServiceAccountToken, spec.enableServiceLinks]).toEqual([false, false]);
      expect(container.livenessProbe).toBeDefined();
      expect(container.readinessProbe).toBeDefined();
      expect(JSON.stringify(manifest)).not.toMatch(/hostPath|hostNetwork|privileged":true/);
    },
  );

  it('is chosen by its own selector, its Service, and its budget where it has replicas', () => {
    for (const manifest of workloads) {
      const { labels, container } = podOf(manifest);
      expect(selects(manifest.spec.selector ?? {}, labels)).toBe(true);
      const service = named('Service', manifest.metadata.name);
      expect(selects({ matchLabels: service.spec.selector ?? {} }, labels)).toBe(true);
      const others = workloads.filter((each) => each !== manifest).map((each) => podOf(each).labels);
      expect(others.some((each) => selects({ matchLabels: service.spec.selector ?? {} }, each))).toBe(false);
      for (const { port, targetPort } of service.spec.ports ?? [])
        expect(container.ports).toContainEqual({ name: targetPort, containerPort: port });
    }
    for (const name of ['hook-service', 'litellm']) {
      expect(named('Deployment', name).spec.replicas).toBeGreaterThanOrEqual(2);
      const budget = named('PodDisruptionBudget', name).spec;
      expect(selects(budget.selector ?? {}, workload(name).labels)).toBe(true);
      expect(budget.minAvailable).toBe(1);
    }
  });

  it('gets its secrets by reference; the example holds none', () => {
    for (const { metadata, stringData } of of('Secret'))
      expect([metadata.name, Object.values(stringData ?? {}).join('')]).toEqual([metadata.name, '']);
    const secrets = of('Secret').map(({ metadata }) => metadata.name);
    const referred = workloads
      .filter(({ metadata }) => !metadata.name.startsWith('mcp-'))
      .flatMap((manifest) => podOf(manifest).container.envFrom ?? [])
      .filter(({ secretRef }) => secretRef.optional !== true);
    expect([...new Set(referred.map(({ secretRef }) => secretRef.name))].sort()).toEqual(secrets.sort());
    for (const manifest of workloads)
      expect(JSON.stringify(podOf(manifest).container.env ?? [])).not.toMatch(/PASSWORD|SECRET|_KEY|TOKEN/);
  });
});

describe('what compose starts and Kubernetes starts', () => {
  it.each([
    ['litellm', 'litellm'],
    ['hook-service', 'hook-service'],
    ['litellm-redis', 'litellm-redis'],
  ])('is the same image with the same variables: %s', (name) => {
    const { container } = workload(name);
    expect(container.image).toBe(compose[name]?.image);
    expect(envOf(container)).toEqual(compose[name]?.environment ?? {});
    const secrets = of('Secret');
    const given = (container.envFrom ?? []).flatMap(({ secretRef }) =>
      Object.keys(secrets.find(({ metadata }) => metadata.name === secretRef.name)?.stringData ?? {}),
    );
    const service = compose[name];
    if (service === undefined) throw new Error(`There is no service ${name}`);
    for (const variable of given) expect(envFileNames(service, 'compose')).toContain(variable);
  });

  it('is started by the same command', () => {
    expect(workload('litellm').container.args).toEqual(compose['litellm']?.command);
    expect(workload('litellm-redis').container.command).toEqual(compose['litellm-redis']?.command);
    const { container } = workload('hook-service');
    expect([container.command, container.args]).toEqual([undefined, undefined]);
    const storage = workload('mcp-storage').container;
    const composed = serverService('storage');
    expect([storage.command, storage.image, envOf(storage)]).toEqual([
      composed.command,
      composed.image,
      composed.environment,
    ]);
  });

  it('is asked for its health at the same address', () => {
    for (const [name, path] of [
      ['litellm', '/health/liveliness'],
      ['hook-service', '/health/live'],
    ] as const) {
      const { container } = workload(name);
      expect(container.livenessProbe.httpGet).toEqual({ path, port: 'http' });
      expect(compose[name]?.healthcheck.test.join(' ')).toContain(
        `http://127.0.0.1:${container.ports[0]?.containerPort}${path}`,
      );
      expect([container.livenessProbe.periodSeconds, container.livenessProbe.timeoutSeconds]).toEqual([
        30, 10,
      ]);
      expect(container.livenessProbe.failureThreshold).toBe(3);
    }
    expect(`${workload('hook-service').container.ports[0]?.containerPort}`).toBe(
      imageOf('compose/hook-service.Dockerfile').port,
    );
    expect(workload('litellm-redis').container.livenessProbe.exec?.command).toEqual(
      compose['litellm-redis']?.healthcheck.test.slice(1),
    );
    expect(workload('mcp-storage').container.readinessProbe.httpGet).toEqual({
      path: '/health',
      port: 'http',
    });
  });

  it('has the longer grace that a stop of hook-service takes', () => {
    expect(workload('hook-service').spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(5 + 25 + 10);
  });
});

describe('the network policies', () => {
  const policies = of('NetworkPolicy');
  const pods: Record<string, End> = {
    ...Object.fromEntries(
      workloads.map((manifest): [string, End] => [manifest.metadata.name, { pod: podOf(manifest).labels }]),
    ),
    stranger: { pod: { app: 'stranger' } },
    minio: { address: '192.168.1.20' },
    client: { address: '192.168.1.50' },
    provider: { address: '104.18.7.192' },
    metadata: { address: '169.254.169.254' },
  };
  const ports = [4000, 48900, 6379, 48009, 9000, 443, 80, 5432];
  const edges = (): string[] =>
    Object.entries(pods).flatMap(([from, source]) =>
      Object.entries(pods).flatMap(([to, target]) =>
        from === to || ('address' in source && 'address' in target)
          ? []
          : ports
              .filter((port) => letsThrough(policies, source, target, port))
              .map((port) => `${from} -> ${to}:${port}`),
      ),
    );

  it('let through what a turn needs, and nothing else', () => {
    const found = edges();
    // What an MCP server listens on is its own matter.
    const toServer = (from: string) => ports.map((port) => `${from} -> mcp-storage:${port}`);
    expect(found.filter((edge) => !edge.includes('-> mcp-storage:')).sort()).toEqual(
      [
        'client -> litellm:4000',
        'provider -> litellm:4000',
        'metadata -> litellm:4000',
        'minio -> litellm:4000',
        'mcp-storage -> minio:9000',
        'litellm -> hook-service:48900',
        'litellm -> provider:443',
        'hook-service -> litellm:4000',
        'hook-service -> litellm-redis:6379',
      ].sort(),
    );
    expect(found.filter((edge) => edge.includes('-> mcp-storage:')).sort()).toEqual(
      [...toServer('litellm'), ...toServer('hook-service')].sort(),
    );
  });

  it('let every pod resolve names, at the DNS of the cluster only', () => {
    const names = named('NetworkPolicy', 'names').spec;
    expect(names.podSelector).toEqual({});
    expect(names.egress).toEqual([
      {
        to: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
            podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
          },
        ],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
    ]);
  });
});

it('has one way in: plain HTTP at one port of the nodes', () => {
  const open = of('Service').filter(({ spec }) => spec.type !== undefined && spec.type !== 'ClusterIP');
  expect(open.map(({ metadata, spec }) => [metadata.name, spec.type, spec.ports?.[0]?.nodePort])).toEqual([
    ['litellm', 'NodePort', 30400],
  ]);
  expect(of('Ingress')).toEqual([]);
});
