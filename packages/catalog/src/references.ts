/**
 * What people call things, and which row they mean. Pure: the candidates come from the database. A name that could mean
 * two rows is refused, never guessed (exit code 2); what is not there is refused with exit code 1.
 */
import { nearest } from '@reelfleet/config';
import { UserError } from '@reelfleet/core';
import type { CategoryName, ChannelRecord, PersonaRecord } from '@reelfleet/db';

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
export const isUuid = (ref: string): boolean => UUID.test(ref);

const sameLetters = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** The one of `rows` that `ref` means, by id or name, or null when none is meant. Throws UserError when it is ambiguous. */
export function pick<T extends { id: string; name: string }>(
  kind: 'channel' | 'persona',
  ref: string,
  rows: readonly T[],
): T | null {
  const byId = rows.find((row) => sameLetters(row.id, ref));
  const byName = rows.filter((row) => row.name === ref);
  if (byId && byName.some((row) => row.id !== byId.id))
    throw new UserError(
      `"${ref}" is the id of ${kind} "${byId.name}" and the name of another ${kind}: rename that one first`,
      { exitCode: 2, kind: 'conflict' },
    );
  if (byId) return byId;
  if (byName.length > 1)
    throw new UserError(
      `${byName.length} ${kind}s are named "${ref}": give the id of the one you mean (${byName.map((row) => row.id).join(', ')})`,
      { exitCode: 2, kind: 'conflict' },
    );
  if (byName[0]) return byName[0];
  const similar = rows.filter((row) => sameLetters(row.name, ref));
  if (similar.length > 0)
    throw new UserError(
      `no ${kind} is named exactly "${ref}", but ${similar.map((row) => `"${row.name}"`).join(' and ')} differ${similar.length === 1 ? 's' : ''} from it in upper and lower case only: write the name as it is, or give the id`,
      { exitCode: 2 },
    );
  return null;
}

/** An active channel, or null when the name is free and a channel of that name may be made. */
export function pickChannel(ref: string, rows: readonly ChannelRecord[]): ChannelRecord | null {
  const channel = pick('channel', ref, rows);
  if (channel && !channel.isActive)
    throw new UserError(
      `channel "${channel.name}" is disabled: enable it first (reelfleet channels), or order for another`,
      { exitCode: 2, kind: 'conflict' },
    );
  if (!channel && isUuid(ref))
    throw new UserError(`there is no channel with id ${ref}: \`reelfleet channels ls\` lists them`, {
      exitCode: 1,
      kind: 'missing',
    });
  return channel;
}

export function pickPersona(ref: string, rows: readonly PersonaRecord[]): PersonaRecord {
  const persona = pick('persona', ref, rows);
  if (!persona)
    throw new UserError(
      `there is no persona "${ref}": \`reelfleet personas ls\` lists them, \`reelfleet personas add\` makes one`,
      { exitCode: 1, kind: 'missing' },
    );
  if (!persona.isActive)
    throw new UserError(
      `persona "${persona.name}" is disabled: enable it first (reelfleet personas), or choose another`,
      { exitCode: 2, kind: 'conflict' },
    );
  return persona;
}

/** `Royal Court · Ambience!` → `royal-court-ambience`: letters of any script, digits and dashes. */
export function slug(text: string, most: number): string {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-');
  const cut = [...plain]
    .slice(0, most)
    .join('')
    .replace(/^-+|-+$/g, '');
  return cut === '' ? 'untitled' : cut;
}

/** What a video is called in addresses, unless the order says so. */
export const identifierOf = (title: string): string => slug(title, 60);

/**
 * The category that `ref` means: by id, slug or name, in this order. Null when there is none, or a sentence with a guess
 * where the slugs there are were given: categories are few and chosen, so that a slip of the pen makes none.
 */
export function pickCategory(
  ref: string,
  rows: readonly CategoryName[],
  known?: readonly string[],
): CategoryName | null {
  const found =
    rows.find((row) => row.id === ref.toLowerCase()) ??
    rows.find((row) => row.slug === ref) ??
    rows.find((row) => sameLetters(row.name, ref));
  if (found || !known) return found ?? null;
  const close = nearest(ref, known);
  throw new UserError(
    `there is no category "${ref}": ${close ? `did you mean "${close}"?` : '`reelfleet categories ls` lists them, `reelfleet categories add` makes one'}`,
    { exitCode: 1, kind: 'missing' },
  );
}
