/** What the manifests in `docker/k8s/` promise, as far as it can be read from them. */
import { readdirSync } from 'node:fs';
import { readSettings, settingsTable } from '@reelfleet/config';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { environmentOf, images, read, readDockerfile, root, type Stage } from './support/containers.ts';

interface Probe {
  exec?: { command: string[] };
  httpGet?: { path: string; port: string };
  periodSeconds: number;
  failureThreshold?: number;
}
interface Container {
  name: string;
  image: string;
  args?: string[];
  env: { name: string; value?: string }[];
  ports?: { name: string }[];
  readinessProbe?: Probe;
  livenessProbe?: Probe;
  securityContext: unknown;
  volumeMounts: { name: string; mountPath: string }[];
}
interface Pod {
  terminationGracePeriodSeconds?: number;
  enableServiceLinks?: boolean;
  securityContext: { runAsNonRoot: boolean };
  containers: [Container];
  volumes: { name: string; emptyDir?: { medium?: string } }[];
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: { selector?: object; template?: { metadata: { labels: object }; spec: Pod } };
}

const files = readdirSync(`${root}docker/k8s`).filter((name) => name.endsWith('.yaml'));
const manifests = files.flatMap((name) =>
  parseAllDocuments(read(`docker/k8s/${name}`)).map((document) => {
    expect([name, document.errors]).toEqual([name, []]);
    return document.toJS() as Manifest;
  }),
);
const known = new Set<string>(settingsTable().map(({ name }) => name));
const pods = manifests.flatMap(({ spec: { template } }) => (template ? [template.spec] : []));
const podOf = (component: string) => pods.find(({ containers: [{ name }] }) => name === component) as Pod;

test('there is a job that migrates, a deployment of workers, and a server with its service', () => {
  expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()).toEqual([
    'Deployment reelfleet-server',
    'Deployment reelfleet-worker',
    'Job reelfleet-migrate',
    'Service reelfleet-server',
  ]);
  expect(podOf('migrate').containers[0].args).toEqual(['reelfleet', 'migrate']);
});

describe.each(pods.map((pod) => [pod.containers[0].name, pod] as const))('the pod of %s', (_name, pod) => {
  const [container] = pod.containers;

  test('runs without rights, and writes only where a volume is', () => {
    expect(pod.securityContext.runAsNonRoot).toBe(true);
    expect(container.securityContext).toEqual({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
    const volumes = pod.volumes.map(({ name }) => name);
    expect(container.volumeMounts.map(({ name }) => name).sort()).toEqual(volumes.sort());
    expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toContain('/tmp');
  });

  test('runs an image that is built here, with settings there are', () => {
    expect(Object.keys(images).map((image) => `reelfleet-${image}`)).toContain(container.image);
    expect(container.env.filter(({ name }) => !known.has(name))).toEqual([]);
    expect(container.env.map(({ name }) => name)).toContain('DATABASE_URL');
    // Links would add REELFLEET_SERVER_PORT and the like, which settings refuse.
    expect(pod.enableServiceLinks).toBe(false);
    expect(() => readSettings({ REELFLEET_SERVER_PORT: 'tcp://10.0.0.1:80' })).toThrow('REELFLEET_SERVER_PORT');
  });
});

test('a stopping worker has more time than it may take', () => {
  const { terminationGracePeriodSeconds = 30 } = podOf('worker');
  expect(terminationGracePeriodSeconds * 1_000).toBeGreaterThan(readSettings({}).REELFLEET_GRACE_MS + 5_000);
});

test('a worker has scratch of its own, on disk, where the image looks for it', () => {
  const image = readDockerfile(images.worker).at(-1) as Stage;
  const pod = podOf('worker');
  const mount = pod.containers[0].volumeMounts.find(
    ({ mountPath }) => mountPath === environmentOf(image).REELFLEET_SCRATCH,
  );
  expect(pod.volumes.find(({ name }) => name === mount?.name)?.emptyDir?.medium).toBeUndefined();
  expect(mount).toBeDefined();
});

test('Postgres away for a while starts nothing anew: only a long silence does', () => {
  const worker = podOf('worker').containers[0].livenessProbe as Probe;
  expect(worker.exec?.command).toEqual(['node', 'docker/healthcheck.mjs', 'METRICS_PORT', '/healthz']);
  expect(worker.periodSeconds * (worker.failureThreshold ?? 3)).toBeGreaterThanOrEqual(600);
  expect(podOf('server').containers[0].livenessProbe?.httpGet?.path).toBe('/healthz');
  expect(podOf('server').containers[0].readinessProbe?.httpGet?.path).toBe('/readyz');
});
