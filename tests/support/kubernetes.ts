/** The manifests as data, and what a NetworkPolicy lets through. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root } from './compose';

export type Labels = Readonly<Record<string, string>>;
export interface Selector {
  readonly matchLabels?: Labels;
}

export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly tcpSocket?: { readonly port: string };
  readonly exec?: { readonly command: readonly string[] };
  readonly periodSeconds: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly envFrom?: readonly {
    readonly secretRef: { readonly name: string; readonly optional?: boolean };
  }[];
  readonly volumeMounts: readonly { readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly resources: { readonly requests: object; readonly limits: { readonly memory: string } };
  readonly securityContext: Readonly<Record<string, unknown>>;
}

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}
interface PolicyRule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol: string; readonly port: number }[];
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels };
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas?: number;
    readonly minAvailable?: number;
    readonly selector?: Selector & Labels;
    readonly type?: string;
    readonly ports?: readonly {
      readonly port: number;
      readonly targetPort: string;
      readonly nodePort?: number;
    }[];
    readonly template?: {
      readonly metadata: { readonly labels: Labels };
      readonly spec: {
        readonly containers: readonly Container[];
        readonly automountServiceAccountToken: boolean;
        readonly enableServiceLinks: boolean;
        readonly terminationGracePeriodSeconds?: number;
        readonly securityContext: Readonly<Record<string, unknown>>;
        readonly volumes: readonly Readonly<Record<string, unknown>>[];
      };
    };
    readonly podSelector?: Selector;
    readonly policyTypes?: readonly ('Ingress' | 'Egress')[];
    readonly ingress?: readonly PolicyRule[];
    readonly egress?: readonly PolicyRule[];
  };
}

/** Every document of a manifest; throws where YAML is wrong. */
export function manifestsOf(path: string): Manifest[] {
  return parseAllDocuments(readFileSync(join(root, path), 'utf8'), { merge: true }).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS() as Manifest;
  });
}

/** The files of a folder that hold manifests. */
export function manifestFiles(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.yaml') && !['kustomization.yaml', 'config.yaml'].includes(name))
    .map((name) => `${folder}/${name}`);
}

/** True where a selector chooses what has these labels; an empty one chooses everything. */
export const selects = ({ matchLabels = {} }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([name, value]) => labels[name] === value);

/** One end of a connection: a pod of the namespace, or an address outside of the cluster. */
export type End = { readonly pod: Labels } | { readonly address: string };

/** True where the policies of the namespace let `from` connect to `to`. As Kubernetes has it: both ends have to agree. */
export function letsThrough(policies: readonly Manifest[], from: End, to: End, port: number): boolean {
  const side = (type: 'Ingress' | 'Egress', own: End, other: End): boolean => {
    if (!('pod' in own)) return true;
    const chosen = policies.filter(
      ({ spec }) => spec.policyTypes?.includes(type) === true && selects(spec.podSelector ?? {}, own.pod),
    );
    if (chosen.length === 0) return true;
    return chosen.some(({ spec }) =>
      (type === 'Ingress' ? spec.ingress : spec.egress)?.some((rule) => {
        const peers = type === 'Ingress' ? rule.from : rule.to;
        const isPort =
          rule.ports === undefined ||
          rule.ports.some((each) => each.port === port && each.protocol === 'TCP');
        return isPort && (peers === undefined || peers.some((peer) => isPeer(peer, other)));
      }),
    );
  };
  return side('Egress', from, to) && side('Ingress', to, from);
}

function isPeer({ podSelector, namespaceSelector, ipBlock }: Peer, end: End): boolean {
  if ('address' in end)
    return (
      ipBlock !== undefined &&
      isWithin(end.address, ipBlock.cidr) &&
      !(ipBlock.except ?? []).some((cidr) => isWithin(end.address, cidr))
    );
  // Pods of other namespaces are none of ours.
  if (namespaceSelector !== undefined || podSelector === undefined) return false;
  return selects(podSelector, end.pod);
}

function isWithin(address: string, cidr: string): boolean {
  const [network = '', bits = '32'] = cidr.split('/');
  const number = (text: string): number => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number(address) / size) === Math.floor(number(network) / size);
}
