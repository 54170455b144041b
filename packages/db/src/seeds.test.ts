import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CatalogTable, catalogOf } from './catalog-of.ts';
import { type Facet, type Fate, type SeedTable, seeds } from './seeds/index.ts';
import { migratedDatabase, type TestDatabase } from './testing.ts';

const decisions = readFileSync(join(import.meta.dirname, '../../../docs/adr/0002-one-schema.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => `Decided: ${line.split(' | ')[0]?.slice(2)}`);

let database: TestDatabase;
let client: pg.Client;
let catalog: Map<string, CatalogTable>;

beforeAll(async () => {
  database = await migratedDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  catalog = await catalogOf(client);
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

/** A column definition of a document, taken apart. */
function parse(definition: string) {
  const type = definition.match(/^\w+(\([\d,]+\))?/)?.[0] ?? '';
  const rest = definition.slice(type.length);
  return {
    type,
    primary: /\bprimary key\b/.test(rest),
    unique: /\bunique\b/.test(rest),
    /** Undefined where the document does not say: stricter is allowed then. */
    nullable: /\bnot null\b/.test(rest) ? false : /\bnull\b(?<!set null)/.test(rest) ? true : undefined,
    default: rest.match(/\bdefault ('[^']*'|[\w.]+(\(\))?)/)?.[1],
    references: rest.match(/\breferences (\w+)/)?.[1],
    onDelete: rest.match(/\bon delete (cascade|set null)/)?.[1],
  };
}

/** Whether a column of type `has` holds all that a document's `wants` could hold. ids and times follow the ADR's first rows. */
function holds(wants: string, has: string, isKey: boolean): boolean {
  const length = (type: string) => Number(type.match(/\((\d+)\)/)?.[1] ?? Number.POSITIVE_INFINITY);
  if (isKey && ['serial', 'integer', 'int', 'uuid'].includes(wants)) return has === 'uuid';
  if (wants === 'text' || wants.startsWith('varchar')) {
    return has === 'text' || (has.startsWith('character varying') && length(has) >= length(wants));
  }
  const equal: Record<string, string> = {
    int: 'integer',
    float: 'double precision',
    bigserial: 'bigint',
    timestamp: 'timestamp with time zone',
    timestamptz: 'timestamp with time zone',
  };
  return has === (equal[wants] ?? wants);
}

/** A default in one spelling. */
function normal(expression: string | null | undefined): string | undefined {
  return expression
    ?.toLowerCase()
    .replace(/::[a-z_ ]+(\(\d+\))?/g, '')
    .replaceAll(/^'(.*)'$/g, '$1')
    .replace('current_timestamp', 'now()')
    .replace('uuid_generate_v4()', 'gen_random_uuid()');
}

function checkColumn(
  complain: (text: string) => void,
  name: string,
  seed: SeedTable,
  tableName: string,
  home: (table: string) => string,
) {
  const entry = seed.columns[name];
  if (entry === undefined) return;
  const [definition, fate, words] = entry;
  if (typeof fate === 'object' && 'dropped' in fate) {
    if (catalog.get(tableName)?.columns.has(name)) complain(`${name} was to be dropped, but is there`);
    return;
  }
  const [table = tableName, columnName = name] =
    typeof fate === 'object' && 'renamed' in fate ? fate.renamed.split('.') : [tableName, name];
  const target = catalog.get(table);
  const column = target?.columns.get(columnName);
  const where = `${name} (now ${table}.${columnName})`;
  if (target === undefined || column === undefined) return complain(`${where} is missing`);
  const excepted = new Set<Facet>(typeof fate === 'object' && 'except' in fate ? fate.except : []);
  const wants = parse(definition);
  const isKey = wants.primary || wants.references !== undefined;
  const facet = (kind: Facet, kept: boolean, text: string) => {
    if (!excepted.has(kind) && !kept) complain(`${where} ${text}`);
    if (excepted.has(kind) && kept) complain(`${where} needs no exception for ${kind}`);
  };

  facet('type', holds(wants.type, column.type, isKey), `is ${column.type}, the document says ${wants.type}`);
  const nullKept = wants.nullable === undefined || wants.nullable !== column.notNull;
  facet('null', nullKept, `${column.notNull ? 'is' : 'is not'} NOT NULL, the document says otherwise`);
  const wantedDefault = wants.type === 'serial' ? 'gen_random_uuid()' : normal(wants.default);
  if (wantedDefault !== undefined) {
    facet('default', normal(column.default) === wantedDefault, `has default ${column.default}, not ${wantedDefault}`);
  }
  if (wants.unique || wants.primary) {
    const unique = target.indexes.some(
      (index) =>
        index.unique && index.where === null && index.on.join() === columnName && (!wants.primary || index.primary),
    );
    facet('unique', unique, 'is not unique');
  }
  if (wants.references !== undefined) {
    const to = home(wants.references);
    const key = target.foreignKeys.find((candidate) => candidate.column === columnName && candidate.table === to);
    const stated = { cascade: 'c', 'set null': 'n' }[wants.onDelete ?? ''];
    const kept = key !== undefined && (stated === undefined ? key.onDelete !== 'a' : key.onDelete === stated);
    facet('fk', kept, `does not refer to ${to} with ON DELETE ${wants.onDelete ?? 'stated'}`);
    if (excepted.has('fk') && key === undefined) complain(`${where} does not refer to ${to} at all`);
  }
  if (words !== undefined) {
    const allowed = target.checks
      .filter((check) => check.columns.join() === columnName)
      .flatMap((check) => [...check.definition.matchAll(/'([^']*)'/g)].map((match) => match[1]));
    const missing = words.filter((word) => !allowed.includes(word));
    facet('check', missing.length === 0, `may not hold ${missing.join(', ')}`);
  }
}

function checkIndexes(complain: (text: string) => void, seed: SeedTable, tableName: string) {
  for (const { columns, primary = false } of seed.unique ?? []) {
    const kept = catalog
      .get(tableName)
      ?.indexes.some((index) => index.unique && index.primary === primary && index.on.join() === columns.join());
    if (!kept) complain(`(${columns}) is not ${primary ? 'the primary key' : 'unique'}`);
  }
  for (const [name, wanted] of Object.entries(seed.indexes ?? {})) {
    const { fate = 'same' } = wanted;
    const all = catalog.get(tableName)?.indexes ?? [];
    if (typeof fate === 'object' && 'dropped' in fate) {
      if (all.some((index) => index.where === null && index.on.join() === wanted.on.join())) {
        complain(`index ${name} was to be dropped, but is there`);
      }
      continue;
    }
    const nameNow = typeof fate === 'object' && 'renamed' in fate ? fate.renamed : name;
    const index = all.find((candidate) => candidate.name === nameNow);
    if (index === undefined) complain(`index ${name} (now ${nameNow}) is missing`);
    else {
      if (index.on.join() !== wanted.on.join()) complain(`index ${nameNow} is on ${index.on}, not ${wanted.on}`);
      if (wanted.unique === true && !index.unique) complain(`index ${nameNow} is not unique`);
      if (index.where !== (wanted.whereNow ?? wanted.where ?? null))
        complain(`index ${nameNow} is where ${index.where}`);
      if (index.using !== (wanted.usingNow ?? wanted.using ?? 'btree')) complain(`index ${nameNow} is ${index.using}`);
      if (wanted.desc === true && index.firstOption !== 3) complain(`index ${nameNow} is not descending`);
    }
  }
}

/** A check is compared with what Postgres makes of the document's own words on a table of the same columns. */
async function checkChecks(complain: (text: string) => void, seed: SeedTable, tableName: string) {
  for (const { expression, now = expression } of seed.checks ?? []) {
    await client.query(`create temp table probe (like public.${tableName})`);
    await client.query(`alter table probe add constraint wanted check (${now})`);
    const { rows } = await client.query(
      "select pg_get_constraintdef(oid) as definition from pg_constraint where conname = 'wanted'",
    );
    await client.query('drop table probe');
    const kept = catalog.get(tableName)?.checks.some((check) => check.definition === rows[0].definition);
    if (!kept) complain(`has no check ${now}`);
  }
}

function reasonOf(fate: Fate): string | undefined {
  if (fate === 'same') return undefined;
  return 'dropped' in fate ? fate.dropped : fate.because;
}

for (const { document, tables, enums = {} } of seeds) {
  describe(document, () => {
    const home = (table: string) => tables[table]?.to ?? table;

    test.each(Object.entries(tables))(
      'keeps table %s: columns, constraints, defaults, indexes and cascades',
      async (name, seed) => {
        const complaints: string[] = [];
        const complain = (text: string) => void complaints.push(`${name}: ${text}`);
        const tableName = home(name);
        expect([...catalog.keys()]).toContain(tableName);
        for (const column of Object.keys(seed.columns)) checkColumn(complain, column, seed, tableName, home);
        checkIndexes(complain, seed, tableName);
        await checkChecks(complain, seed, tableName);
        expect(complaints).toEqual([]);
      },
    );

    test.each(Object.entries(enums))('keeps the enum %s', async (name, labels) => {
      const { rows } = await client.query(`select enum_range(null::${pg.escapeIdentifier(name)})::text[] as labels`);
      expect(rows[0].labels).toEqual(labels);
    });

    test('deviates only where ADR 0002 says so', () => {
      const fates = Object.values(tables).flatMap((table) => [
        ...Object.values(table.columns).map(([, fate]) => fate),
        ...[...(table.unique ?? []), ...(table.checks ?? []), ...Object.values(table.indexes ?? {})].map(
          ({ fate }) => fate ?? 'same',
        ),
      ]);
      const reasons = fates.map(reasonOf).filter((reason) => reason !== undefined);
      expect(reasons.filter((reason) => !decisions.includes(reason))).toEqual([]);
    });
  });
}

describe('the schema as a whole', () => {
  test('states ON DELETE on every foreign key and keeps every time with its zone', () => {
    const silent = [...catalog].flatMap(([table, { foreignKeys }]) =>
      foreignKeys.filter((key) => key.onDelete === 'a').map((key) => `${table}.${key.column}`),
    );
    const zoneless = [...catalog].flatMap(([table, { columns }]) =>
      [...columns].filter(([, column]) => /without time zone/.test(column.type)).map(([name]) => `${table}.${name}`),
    );
    expect({ silent, zoneless }).toEqual({ silent: [], zoneless: [] });
  });

  test('holds every status to a list of words', () => {
    const free = [...catalog].flatMap(([table, { columns, checks }]) =>
      [...columns]
        .filter(([name, { type }]) => /(^|_)status$/.test(name) && /^(text|character varying)/.test(type))
        .filter(([name]) => !checks.some((check) => check.columns.join() === name))
        .map(([name]) => `${table}.${name}`),
    );
    expect(free).toEqual([]);
  });

  test('leaves room on the pages of tasks, so that heartbeats stay HOT', async () => {
    const { rows } = await client.query("select reloptions from pg_class where oid = 'public.tasks'::regclass");
    expect(rows[0].reloptions).toContain('fillfactor=70');
  });
});
