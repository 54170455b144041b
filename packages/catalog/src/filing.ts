/**
 * What videos are filed under. A slug is made from a name and unique; what is typed on a command line or stands in an
 * address means a row by its slug, its name or its id.
 */
import { UserError } from '@reelfleet/core';
import {
  type CategoryRecord,
  causeOf,
  deleteCategory,
  deleteTag,
  insertCategory,
  listCategories,
  listTags,
  type ReadHandle,
  Refused,
  updateCategory,
} from '@reelfleet/db';
import { v7 } from 'uuid';
import type { Filing } from './life-types.ts';
import { line, wrong } from './order-words.ts';
import { isUuid, slug } from './references.ts';

const NAME = 100;
const TAG = 50;
const DESCRIPTION = 10_000;

/** The one of `rows` that `ref` means: by id, slug, name, or what its slug would be. */
export function filedAs<T extends { id: string; name: string; slug: string }>(
  ref: string,
  rows: readonly T[],
): T | null {
  const wanted = ref.trim();
  const plain = slug(wanted, NAME);
  return (
    rows.find((row) => row.id === wanted.toLowerCase()) ??
    rows.find((row) => row.slug === wanted) ??
    rows.find((row) => row.name === wanted) ??
    rows.find((row) => row.slug === plain) ??
    null
  );
}

/** A name with the slug it makes; refused when nothing of it could stand in an address. */
export function named(field: string, name: string, most: number): { name: string; slug: string } {
  const plain = line('', field, name, most);
  if (isUuid(plain)) throw wrong(`${field} "${plain}" looks like an id: give it a name`);
  if (!/[\p{L}\p{N}]/u.test(plain))
    throw wrong(`${field} "${plain}" has no letter and no digit: give it a name that has`);
  return { name: plain, slug: slug(plain, most) };
}

/** Tags as the ledger makes them where there are none of that slug. */
export function newTags(names: readonly string[]): { id: string; name: string; slug: string }[] {
  const bySlug = new Map(names.map((name) => named('tags', name, TAG)).map((tag) => [tag.slug, tag]));
  return [...bySlug.values()].map((tag) => ({ id: v7(), ...tag }));
}

export function filing(db: ReadHandle): Filing {
  const category = async (ref: string): Promise<CategoryRecord> => {
    const found = filedAs(ref, await listCategories(db));
    if (!found) throw missing(`there is no category "${ref}": \`reelfleet categories ls\` lists them`);
    return found;
  };
  return {
    categories: {
      ls: async () => (await listCategories(db)).map(dated),
      async add({ name, description }) {
        const row = { id: v7(), ...named('name', name, NAME), description: text(description ?? '') };
        await claiming(row.slug, insertCategory(db, row));
        return dated(await category(row.id));
      },
      async edit(ref, { name, description }) {
        const { id } = await category(ref);
        const words = name === undefined ? null : named('name', name, NAME);
        const change = { ...words, ...(description === undefined ? {} : { description: text(description) }) };
        if (Object.keys(change).length === 0) throw wrong('nothing to change: give a new name or a new description');
        await claiming(words?.slug ?? '', updateCategory(db, id, change));
        return dated(await category(id));
      },
      async rm(ref) {
        const found = await category(ref);
        await deleteCategory(db, found.id);
        return dated(found);
      },
    },
    tags: {
      ls: async () => (await listTags(db)).map(dated),
      async rm(ref) {
        const found = filedAs(ref, await listTags(db));
        if (!found) throw missing(`there is no tag "${ref}": \`reelfleet tags ls\` lists them`);
        await deleteTag(db, found.id);
        return dated(found);
      },
    },
  };
}

const dated = <T extends { createdAt: Date }>(row: T): Omit<T, 'createdAt'> & { createdAt: string } => ({
  ...row,
  createdAt: row.createdAt.toISOString(),
});

/** Plain text of some length, line breaks included. */
export function text(given: string): string {
  const plain = given.trim();
  if ([...plain].length > DESCRIPTION)
    throw wrong(`description has more than ${DESCRIPTION} characters: make it shorter`);
  if (/[\p{Cs}\0]/u.test(plain)) throw wrong('description holds a character that no text has: leave it out');
  return plain;
}

async function claiming<T>(wanted: string, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    const cause = causeOf(error);
    if (cause instanceof Refused && cause.code === '23505')
      throw new UserError(`there is a category "${wanted}" already: choose another name, or edit that one`, {
        cause,
        kind: 'conflict',
      });
    throw error;
  }
}

const missing = (sentence: string): UserError => new UserError(sentence, { kind: 'missing' });
