/**
 * What the images and compose.yaml promise, as far as it can be read from the files; that the images build and work is
 * shown by building and running them.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, normalize } from 'node:path';
import { readSettings, settingsTable } from '@reelfleet/config';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import {
  copiedFromContext,
  environmentOf,
  filesOf,
  images,
  isSent,
  lastOf,
  milliseconds,
  read,
  readCompose,
  readDockerfile,
  root,
  type Service,
  type Stage,
  variablesOf,
} from './support/containers.ts';

const settings = new Set<string>(settingsTable().map(({ name }) => name));
const apps = { worker: 'apps/worker', server: 'apps/cli' } as const; // whose dependencies the image has
const workspaces = new Map(
  filesOf('apps', 'packages')
    .filter((path) => /^\w+\/\w+\/package\.json$/.test(path))
    .map((path) => [JSON.parse(read(path)).name as string, dirname(path)]),
);

describe.each(Object.entries(images))('the image of the %s', (name, file) => {
  const stages = readDockerfile(file);
  const final = stages.at(-1) as Stage;

  test('begins with the Node of the product, in every stage', () => {
    const bases = stages.map(({ from }) => from).filter((from) => !stages.some((stage) => stage.name === from));
    expect(new Set(bases)).toEqual(new Set(['node:24-bookworm-slim']));
  });

  test('copies only what exists and is sent to the build', () => {
    const sources = stages.flatMap(copiedFromContext).filter((path) => path !== '.');
    expect(sources.length).toBeGreaterThan(4);
    expect(sources.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(sources.filter((path) => !isSent(path))).toEqual([]);
  });

  test('has every workspace that the packages it installs link to, so that no link leads nowhere', () => {
    const copied = copiedFromContext(final);
    const needed = dependenciesOf(apps[name as keyof typeof apps]);
    expect(needed.length).toBeGreaterThan(5);
    expect(needed.filter((folder) => !copied.some((path) => folder === path || folder.startsWith(`${path}/`)))).toEqual(
      [],
    );
    expect(
      stages
        .flatMap((stage) => stage.instructions)
        .map(({ text }) => text)
        .join('\n'),
    ).toMatch(
      new RegExp(`npm ci --workspace ${JSON.parse(read(`${apps[name as keyof typeof apps]}/package.json`)).name} `),
    );
  });

  test('runs as a user who is not root, by number, so that an orchestrator can tell', () => {
    expect(lastOf(final, 'USER')).toBe('1000:1000');
  });

  test('hands signals on: tini is process 1, and Node is started by no shell', () => {
    expect(lastOf(final, 'ENTRYPOINT')).toEqual(['tini', '--']);
    expect(lastOf(final, 'CMD')).toEqual(['node', `apps/${name}/src/main.ts`]);
    expect(existsSync(`${root}apps/${name}/src/main.ts`)).toBe(true);
  });

  test('sets only settings there are', () => {
    const { NODE_ENV, ...given } = environmentOf(final);
    expect(NODE_ENV).toBe('production');
    expect(Object.keys(given).filter((setting) => !settings.has(setting))).toEqual([]);
    expect(readSettings(given).STORAGE_URL).toBe('file:///data');
  });
});

test('nothing that only tests need is in an image: the lock file says so of each such package', () => {
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { dev?: boolean }> };
  for (const name of ['playwright-core', 'vitest', 'fast-check'])
    expect(lock.packages[`node_modules/${name}`], name).toMatchObject({ dev: true });
});

describe('what a build is sent', () => {
  test('is enough: nothing in it imports a file that is left out', () => {
    const sent = filesOf('apps', 'packages').filter((path) => path.endsWith('.ts') && isSent(path));
    expect(sent.length).toBeGreaterThan(100);
    const missing = sent.flatMap((path) =>
      [...read(path).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+|@reelfleet\/[^']+)'/g)]
        .map(([, specifier = '']) => targetOf(path, specifier))
        .filter((target) => !isSent(target))
        .map((target) => `${path} imports ${target}`),
    );
    expect(missing).toEqual([]);
  });

  test.each([
    '.env',
    'docker/.env',
    '.git/config',
    '.reelfleet/password',
    'node_modules/pg/package.json',
    'packages/fleet/node_modules/x/index.js',
    'docs/operations.md',
    'packages/db/src/testing.ts',
    'packages/core/src/task.test.ts',
    'packages/testkit/src/index.ts',
    'apps/cli/.reelfleet/storage/video.mp4',
  ])('does not contain %s', (path) => {
    expect(isSent(path)).toBe(false);
  });

  test('contains the manifest of every workspace, without which npm refuses the lock file', () => {
    const manifests = ['package.json', 'package-lock.json', 'tests/package.json'];
    expect(
      [...manifests, ...[...workspaces.values()].map((folder) => `${folder}/package.json`)].filter(
        (path) => !isSent(path),
      ),
    ).toEqual([]);
  });
});

describe('compose.yaml', () => {
  const { services, volumes } = readCompose();
  const { postgres, redis, migrate, server, worker } = services as Record<string, Service>;
  if (!postgres || !redis || !migrate || !server || !worker) throw new Error('compose.yaml lacks a service');
  const ours = { migrate, server, worker };

  test('builds the images from the Dockerfiles that are there', () => {
    for (const { build } of Object.values(ours)) {
      expect(build?.context).toBe('..');
      expect(Object.values<string | undefined>(images)).toContain(build?.dockerfile);
    }
  });

  test('migrates once, when Postgres is there, and everything of ours waits for its success', () => {
    expect(migrate.command).toEqual(['reelfleet', 'migrate']);
    expect(migrate.restart).toBe('no');
    expect(migrate.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
    for (const waiting of [server, worker]) {
      expect(waiting.depends_on).toEqual({
        postgres: { condition: 'service_healthy' },
        redis: { condition: 'service_healthy' },
        migrate: { condition: 'service_completed_successfully' },
      });
    }
  });

  test('gives a stopping worker more time than it may take', () => {
    expect(milliseconds(worker.stop_grace_period)).toBeGreaterThan(readSettings({}).REELFLEET_GRACE_MS + 5_000);
  });

  test('loses no ticket to eviction or a restart of Redis', () => {
    const line = redis.command?.join(' ');
    expect(line).toContain('--maxmemory-policy noeviction');
    expect(line).toContain('--appendonly yes');
    expect(redis.volumes).toContain('redis:/data');
  });

  test('checks the health of everything that stays', () => {
    const staying = Object.entries(services).filter(([name]) => name !== 'migrate');
    expect(staying.filter(([, service]) => !service.healthcheck).map(([name]) => name)).toEqual([]);
    expect(worker.healthcheck?.test.slice(1)).toEqual(['node', 'docker/healthcheck.mjs', 'METRICS_PORT', '/healthz']);
    expect(server.healthcheck?.test.slice(1)).toEqual(['node', 'docker/healthcheck.mjs', 'PORT', '/readyz']);
  });

  test('runs ours without rights: a read-only root, no capability, none to be had', () => {
    for (const service of Object.values(ours)) {
      expect(service.read_only).toBe(true);
      expect(service.cap_drop).toEqual(['ALL']);
      expect(service.security_opt).toContain('no-new-privileges:true');
      expect(service.tmpfs).toContain('/tmp');
    }
    for (const service of Object.values(services)) {
      expect(service.network_mode).toBeUndefined();
      expect(service.privileged).toBeUndefined();
      expect(service.logging?.options['max-size']).toMatch(/^\d+m$/);
    }
  });

  test('publishes on this machine only, and the server alone by default', () => {
    const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    for (const [, { ports = [] }] of published) {
      for (const port of ports) expect(port).toMatch(/^(\$\{[A-Z_]+:-)?127\.0\.0\.1:/);
    }
    expect(published.filter(([, { profiles }]) => !profiles).map(([name]) => name)).toEqual(['server']);
  });

  test('lets there be many workers: nothing of theirs exists once per machine', () => {
    expect(worker.ports).toBeUndefined();
    expect(worker.container_name).toBeUndefined();
    expect(worker.environment).not.toHaveProperty('REELFLEET_WORKER_NAME');
  });

  test('shares the store between the server and the workers, and scratch with nobody', () => {
    expect(volumes).toHaveProperty('storage');
    for (const service of [server, worker]) expect(service.volumes).toContain('storage:/data');
    expect(worker.volumes).toContainEqual({ type: 'volume', target: '/scratch' });
  });

  test('demands the passwords, and gives the one of the console to the server alone', () => {
    const demanded = [...variablesOf(read('docker/compose.yaml'))].filter(([, byDefault]) => byDefault === null);
    expect(demanded.map(([name]) => name).sort()).toEqual(['POSTGRES_PASSWORD', 'REELFLEET_PASSWORD']);
    expect(server.environment).toHaveProperty('REELFLEET_PASSWORD');
    for (const service of [worker, migrate]) expect(service.environment).not.toHaveProperty('REELFLEET_PASSWORD');
  });

  test('hands on settings there are, and every one of them except those that mean nothing in a container', () => {
    const handed = new Set(Object.values(ours).flatMap(({ environment }) => Object.keys(environment ?? {})));
    expect([...handed].filter((name) => !settings.has(name))).toEqual([]);
    expect([...settings].filter((name) => !handed.has(name)).sort()).toEqual([
      'REELFLEET_DATA', // of the embedded default
      'REELFLEET_PAUSE_AT', // tests only
      'REELFLEET_SCRATCH', // a volume of the image
      'REELFLEET_WORKER_NAME', // one each
      'STORAGE_EMULATOR_HOST', // of tests and development
      'WHISPER_BINARY', // not in the image
      'WHISPER_MODEL',
    ]);
  });

  test('mounts only files and folders that are there', () => {
    const mounted = Object.values(services)
      .flatMap(({ volumes: mounts = [] }) => mounts)
      .flatMap((mount) => (typeof mount === 'string' && mount.startsWith('./') ? [mount.split(':')[0] as string] : []));
    expect(mounted.length).toBeGreaterThan(3);
    expect(mounted.filter((path) => !existsSync(join(root, 'docker', path)))).toEqual([]);
  });

  test('lets Prometheus ask the server, with the password, for metrics and alerts that are mounted', () => {
    const { rule_files, scrape_configs } = parse(read('docker/prometheus.yml'));
    expect(scrape_configs[0].static_configs).toEqual([{ targets: [`server:${server.environment?.PORT}`] }]);
    expect(scrape_configs[0].authorization.credentials_file).toBe(`/run/secrets/${services.prometheus?.secrets?.[0]}`);
    for (const file of rule_files)
      expect(services.prometheus?.volumes).toContain(`./${file}:/etc/prometheus/${file}:ro`);
  });

  test('is explained by .env.example: every variable it takes, and none that leads nowhere', () => {
    const text = read('docker/.env.example');
    const named = [...text.matchAll(/^(#?)([A-Z_]+)=(.*)$/gm)].map(([, mark, name = '', value]) => ({
      mark,
      name,
      value,
    }));
    const taken = variablesOf(read('docker/compose.yaml'));
    expect([...taken.keys()].filter((name) => !named.some((one) => one.name === name))).toEqual([]);
    const passedOn = new Set(
      Object.values(ours).flatMap(({ environment = {} }) =>
        Object.keys(environment).filter((name) => environment[name] === null),
      ),
    );
    expect(named.filter(({ name }) => !taken.has(name) && !passedOn.has(name))).toEqual([]);
    for (const { mark, name, value } of named)
      expect([name, mark, value]).toEqual([name, taken.get(name) === null ? '' : '#', value]);
    for (const name of ['STOP_GRACE', 'PUBLISH', 'WORKERS']) expect(text).toContain(`#${name}=${taken.get(name)}`);
  });
});

describe('the healthcheck of a container', () => {
  test('passes when the process answers 200, and says what it heard when it does not', async () => {
    let status = 200;
    const server = createServer((request, response) =>
      response.writeHead(request.url === '/healthz' ? status : 404).end('last beat 31.0 s ago'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;

    expect(await checkHealth(port)).toEqual({ code: 0, said: '' });
    status = 503;
    expect(await checkHealth(port)).toEqual({
      code: 1,
      said: `http://127.0.0.1:${port}/healthz: 503 last beat 31.0 s ago\n`,
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const { code, said } = await checkHealth(port);
    expect(code).toBe(1);
    expect(said).toContain('ECONNREFUSED');
  });
});

function checkHealth(port: number): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, ['docker/healthcheck.mjs', 'METRICS_PORT', '/healthz'], {
    cwd: root,
    env: { ...process.env, METRICS_PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

/** The folders of all workspaces that this one needs at run time, itself among them. */
function dependenciesOf(folder: string, found = new Set<string>()): string[] {
  if (!found.has(folder)) {
    found.add(folder);
    for (const name of Object.keys(JSON.parse(read(`${folder}/package.json`)).dependencies ?? {})) {
      const next = workspaces.get(name);
      if (next !== undefined) dependenciesOf(next, found);
    }
  }
  return [...found];
}

/** The file an import leads to. */
function targetOf(importer: string, specifier: string): string {
  if (specifier.startsWith('.')) return normalize(join(dirname(importer), specifier));
  const [scope, name, ...below] = specifier.split('/');
  const folder = workspaces.get(`${scope}/${name}`);
  if (folder === undefined) throw new Error(`${importer} imports ${specifier}, which is no workspace`);
  const { exports } = JSON.parse(read(`${folder}/package.json`)) as { exports: Record<string, string> };
  return normalize(join(folder, exports[['.', ...below].join('/')] ?? 'nowhere'));
}
