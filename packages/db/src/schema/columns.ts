/**
 * The shapes every table shares, so that no table spells them differently: ids, times, seconds and closed sets of words.
 */
import { type SQL, sql } from 'drizzle-orm';
import { type AnyPgColumn, type CheckBuilder, check, doublePrecision, timestamp, uuid } from 'drizzle-orm/pg-core';

/** The id of a row. The application makes UUIDv7 (time-ordered, so indexes stay warm); the default serves SQL typed by hand. */
export const id = () => uuid('id').primaryKey().defaultRandom();

/** A moment in time, always with its zone. */
export const time = (name: string) => timestamp(name, { withTimezone: true });

export const createdAt = () => time('created_at').notNull().defaultNow();
export const updatedAt = () => time('updated_at').notNull().defaultNow();

/** A length or position in seconds. */
export const seconds = (name: string) => doublePrecision(name);

/** CHECK that a text column holds one of a closed set of words. */
export function oneOf(name: string, column: AnyPgColumn, words: readonly string[]): CheckBuilder {
  return check(name, sql`${column} in (${wordList(words)})`);
}

/** A list of words as SQL literals: DDL and index predicates take no parameters. */
export function wordList(words: readonly string[]): SQL {
  return sql.raw(words.map((word) => `'${word.replaceAll("'", "''")}'`).join(', '));
}
