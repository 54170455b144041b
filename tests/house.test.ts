/** The rules of the house that a type checker does not know. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
interface Source {
  path: string;
  text: string;
  imports: string[];
}
function sourcesOf(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('node_modules'))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const text = readFileSync(path, 'utf8');
      const imports = [
        ...text.matchAll(
          /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|import\('([^']+)'\)|\bimport\s+'([^']+)'/g,
        ),
      ].map((found) => (found[1] ?? found[2] ?? found[3]) as string);
      return { path: relative(root, path), text, imports };
    });
}
const workspaces = ['apps', 'packages'].flatMap((kind) =>
  readdirSync(join(root, kind)).map((name) => `${kind}/${name}`),
);
const all = workspaces.flatMap(sourcesOf);
const isTest = (source: Source) => /\.test\.ts$|\.testsuite\.ts$|testing|testkit|\/seeds\//.test(source.path);
const product = all.filter((source) => !isTest(source));
const packageOf = (name: string) =>
  name.startsWith('@') ? name.split('/').slice(0, 2).join('/') : (name.split('/')[0] as string);

test('there is no client-side transaction anywhere in the running product', () => {
  // Migration and backup go through pg, are offline tools, and say so.
  const allowed = /^packages\/db\/src\/(migrate|backup)\.ts$/;
  const found = product.filter(
    (source) =>
      !allowed.test(source.path) &&
      /\bsql\.begin\b|\.begin\(|\.transaction\(|['"`]\s*(begin|start transaction)\b/i.test(
        source.text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, ''),
      ),
  );
  expect(found.map((source) => source.path)).toEqual([]);
});

test.each<[string, RegExp, RegExp]>([
  ['only media/ffmpeg.ts imports fluent-ffmpeg', /^fluent-ffmpeg$/, /^packages\/media\/src\/ffmpeg\.ts$/],
  [
    'only db imports drivers and drizzle (and the queue its own pg)',
    /^(postgres|drizzle-orm.*|pg)$/,
    /^packages\/(db|testkit)\/|^packages\/fleet\/src\/queue\.ts$|^packages\/embedded\/|^apps\/cli\/src\/doctor\//,
  ],
  ['only fleet imports BullMQ', /^bullmq$/, /^packages\/fleet\//],
  ['only config imports pino', /^pino$/, /^packages\/config\//],
  [
    'only storage imports the object store client',
    /^(@google-cloud\/.*|google-auth-library)$/,
    /^packages\/storage\/src\/gcs/,
  ],
  ['only the server speaks HTTP through Fastify', /^(fastify|@fastify\/.*|fastify-.*)$/, /^apps\/server\//],
  [
    'only the engine, the server and the worker count with prom-client',
    /^prom-client$/,
    /^packages\/fleet\/|^apps\/(server|worker)\//,
  ],
  ['only the board imports Bull Board', /^@bull-board\//, /^apps\/server\/src\/board\//],
])('%s', (_name, wanted, allowed) => {
  const found = product.filter(
    (source) => source.imports.some((name) => wanted.test(name)) && !allowed.test(source.path),
  );
  expect(found.map((source) => source.path)).toEqual([]);
});

test('core imports nothing but zod', () => {
  const found = product
    .filter((source) => source.path.startsWith('packages/core/'))
    .flatMap((source) => source.imports.filter((name) => !name.startsWith('.') && name !== 'zod'));
  expect(found).toEqual([]);
});

describe('every import is in the dependencies of its package', () => {
  test.each(workspaces)('%s', (workspace) => {
    const manifest = JSON.parse(readFileSync(join(root, workspace, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    const known = new Set(Object.keys(manifest.dependencies ?? {}));
    const missing = sourcesOf(workspace)
      .filter((source) => !isTest(source))
      .flatMap((source) => source.imports)
      .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
      .map(packageOf)
      .filter((name) => !known.has(name) && name !== (manifest.name as unknown as string));
    expect([...new Set(missing)]).toEqual([]);
  });
});

test.each([
  ['packages/fleet', ['@reelfleet/db', '@reelfleet/pipelines', '@reelfleet/catalog']],
  ['packages/pipelines', ['@reelfleet/db', '@reelfleet/fleet', '@reelfleet/catalog']],
  ['packages/db', ['@reelfleet/fleet', '@reelfleet/pipelines', '@reelfleet/catalog']],
])('%s does not know %j', (workspace, strangers) => {
  const found = sourcesOf(workspace)
    .filter((source) => !isTest(source))
    .flatMap((source) => source.imports)
    .filter((name) => strangers.includes(packageOf(name)));
  expect(found).toEqual([]);
});

test('no test is switched off or alone, and nothing says it is unfinished', () => {
  const soft = [...all, ...sourcesOf('tests')].filter(
    (source) =>
      /\b(it|test|describe)\.(skip|only|todo)\b|expect\(true\)|\b(TODO|FIXME|XXX)\b/.test(source.text) &&
      !source.path.endsWith('house.test.ts'),
  );
  expect(soft.map((source) => source.path)).toEqual([]);
});
