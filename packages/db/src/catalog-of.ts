/**
 * What a database's own catalog says of the tables in `public`, read once, for tests that compare it with what was promised.
 */
import type pg from 'pg';

export interface CatalogColumn {
  type: string;
  notNull: boolean;
  /** The default as Postgres prints it; null without one and for generated columns. */
  default: string | null;
  generated: boolean;
}

export interface CatalogIndex {
  name: string;
  /** Columns or expressions, in order. */
  on: string[];
  unique: boolean;
  primary: boolean;
  where: string | null;
  using: string;
  /** Postgres's option bits of the first column: 3 is what a plain `order by … desc` can use. */
  firstOption: number;
}

export interface CatalogTable {
  columns: Map<string, CatalogColumn>;
  indexes: CatalogIndex[];
  /** Column → table it refers to and what ON DELETE does (`c` cascade, `n` set null, `a` nothing stated). */
  foreignKeys: { column: string; table: string; onDelete: string }[];
  checks: { columns: string[]; definition: string }[];
}

export async function catalogOf(client: pg.Client): Promise<Map<string, CatalogTable>> {
  const tables = new Map<string, CatalogTable>();
  const of = (name: string): CatalogTable => {
    const known = tables.get(name);
    if (known !== undefined) return known;
    const table: CatalogTable = { columns: new Map(), indexes: [], foreignKeys: [], checks: [] };
    tables.set(name, table);
    return table;
  };
  const columns = await client.query(`
    select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull, a.attgenerated <> '' as generated,
      case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end as expression
    from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped`);
  for (const row of columns.rows) {
    of(row.relname).columns.set(row.attname, {
      type: row.type,
      notNull: row.attnotnull,
      default: row.expression,
      generated: row.generated,
    });
  }
  const indexes = await client.query(`
    select c.relname, n.relname as name, i.indisunique, i.indisprimary, m.amname, i.indoption[0] as option,
      pg_get_expr(i.indpred, i.indrelid) as predicate,
      array(select pg_get_indexdef(i.indexrelid, k, true) from generate_series(1, i.indnkeyatts) k order by k) as keys
    from pg_index i join pg_class c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace
    join pg_class n on n.oid = i.indexrelid join pg_am m on m.oid = n.relam
    where i.indisvalid`);
  for (const row of indexes.rows) {
    of(row.relname).indexes.push({
      name: row.name,
      on: row.keys,
      unique: row.indisunique,
      primary: row.indisprimary,
      where: row.predicate?.replace(/^\((.*)\)$/, '$1') ?? null,
      using: row.amname,
      firstOption: row.option,
    });
  }
  const constraints = await client.query(`
    select c.relname, k.contype::text as kind, k.confdeltype::text as on_delete, r.relname as refers, pg_get_constraintdef(k.oid) as definition,
      array(select a.attname::text from pg_attribute a where a.attrelid = k.conrelid and a.attnum = any(k.conkey)) as columns
    from pg_constraint k join pg_class c on c.oid = k.conrelid and c.relnamespace = 'public'::regnamespace
    left join pg_class r on r.oid = k.confrelid
    where k.contype in ('c', 'f')`);
  for (const row of constraints.rows) {
    if (row.kind === 'c') of(row.relname).checks.push({ columns: row.columns, definition: row.definition });
    else of(row.relname).foreignKeys.push({ column: row.columns[0], table: row.refers, onDelete: row.on_delete });
  }
  return tables;
}
