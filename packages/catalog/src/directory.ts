/** Channels and personas as operators keep them. A name is never given twice, not even in other letters' case. */
import { UserError } from '@reelfleet/core';
import {
  causeOf,
  channelsLike,
  insertChannel,
  insertPersona,
  listChannels,
  listPersonas,
  personasLike,
  type ReadHandle,
  Refused,
  updateChannel,
  updatePersona,
} from '@reelfleet/db';
import { v7 } from 'uuid';
import type { ChannelRow, Operator, PersonaRow } from './operator-types.ts';
import { line, wrong } from './order-words.ts';
import { isUuid, pick } from './references.ts';
import { channelRow } from './views.ts';

const MOST = 255;
type Kind = 'channel' | 'persona';

const missing = (kind: Kind, ref: string): UserError =>
  new UserError(`there is no ${kind} "${ref}": \`reelfleet ${kind}s ls\` lists them`, { kind: 'missing' });

/** A name that is free for the row `own` (null: a new one). */
function freeName(kind: Kind, name: string, own: string | null, rows: readonly { id: string; name: string }[]): string {
  const plain = line('', 'name', name, MOST);
  if (isUuid(plain)) throw wrong(`"${plain}" looks like an id: give the ${kind} a name`);
  const taken = rows.find((row) => row.id !== own && row.name.toLowerCase() === plain.toLowerCase());
  if (taken)
    throw new UserError(`there is a ${kind} named "${taken.name}" already: choose another name, or edit that one`, {
      kind: 'conflict',
    });
  return plain;
}

/** Somebody else took the name between the look and the write. */
async function claimingName<T>(kind: Kind, name: string, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    const cause = causeOf(error);
    if (cause instanceof Refused && cause.code === '23505')
      throw new UserError(`there is a ${kind} named "${name}" already: choose another name, or edit that one`, {
        cause,
        kind: 'conflict',
      });
    throw error;
  }
}

export function channelDirectory(db: ReadHandle): Operator['channels'] {
  const show = async (id: string): Promise<ChannelRow> => {
    const row = (await listChannels(db)).find((channel) => channel.id === id);
    if (!row) throw missing('channel', id);
    return channelRow(row);
  };
  const known = async (ref: string) => {
    const channel = pick('channel', ref.trim(), await channelsLike(db, [ref.trim()]));
    if (!channel) throw missing('channel', ref);
    return channel;
  };
  return {
    ls: async () => (await listChannels(db)).map(channelRow),
    async add({ name, niche }) {
      const plain = freeName('channel', name, null, await channelsLike(db, [name.trim()]));
      const id = v7();
      await claimingName(
        'channel',
        plain,
        insertChannel(db, { id, name: plain, brandNiche: line('', 'niche', niche, MOST) }),
      );
      return show(id);
    },
    async edit(ref, { name, niche }) {
      const { id } = await known(ref);
      const change: { name?: string; brandNiche?: string } = {};
      if (name !== undefined) change.name = freeName('channel', name, id, await channelsLike(db, [name.trim()]));
      if (niche !== undefined) change.brandNiche = line('', 'niche', niche, MOST);
      if (Object.keys(change).length === 0) throw wrong('nothing to change: give a new name or a new niche');
      await claimingName('channel', name ?? '', updateChannel(db, id, change));
      return show(id);
    },
    async setActive(ref, active) {
      const { id } = await known(ref);
      await updateChannel(db, id, { isActive: active });
      return show(id);
    },
  };
}

export function personaDirectory(db: ReadHandle): Operator['personas'] {
  const known = async (ref: string): Promise<PersonaRow> => {
    const persona = pick('persona', ref.trim(), await personasLike(db, [ref.trim()]));
    if (!persona) throw missing('persona', ref);
    return persona;
  };
  return {
    ls: () => listPersonas(db),
    async add({ name }) {
      const plain = freeName('persona', name, null, await personasLike(db, [name.trim()]));
      const id = v7();
      await insertPersona(db, { id, name: plain });
      return { id, name: plain, isActive: true };
    },
    async edit(ref, { name }) {
      const persona = await known(ref);
      if (name === undefined) throw wrong('nothing to change: give a new name');
      const plain = freeName('persona', name, persona.id, await personasLike(db, [name.trim()]));
      await updatePersona(db, persona.id, { name: plain });
      return { ...persona, name: plain };
    },
    async setActive(ref, active) {
      const persona = await known(ref);
      await updatePersona(db, persona.id, { isActive: active });
      return { ...persona, isActive: active };
    },
  };
}
