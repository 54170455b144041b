/**
 * Orders from outside may name a file only where it is an object of our own store that an artifact row names: workers
 * open what an input names with their own rights, so `file:///etc/passwd` or a stranger's bucket would be read out.
 */
import { type Storage, UserError } from '@reelfleet/core';
import { namedUris, type ReadHandle } from '@reelfleet/db';
import { lookAtInput, shown } from './inputs.ts';
import type { CheckedOrder } from './orders.ts';

/** Throws UserError for the first address in an input that names anything else. */
export async function onlyStoredFiles(
  { reads, storage }: { reads: ReadHandle; storage: Pick<Storage, 'keyOf'> },
  orders: readonly CheckedOrder[],
): Promise<void> {
  const asked = orders.flatMap((order) =>
    order.kind === 'stage'
      ? lookAtInput(order.input).addresses.map((address) => ({ address, where: order.where }))
      : [],
  );
  const ours = asked.filter(({ address }) => isOurs(storage, address)).map(({ address }) => address);
  const named = new Set(await namedUris(reads, [...new Set(ours)]));
  const strange = asked.find(({ address }) => !named.has(address));
  if (strange)
    throw new UserError(
      `${strange.where}${shown(strange.address)} is no artifact of this store: an order from outside may name only those, so import the file first, or order it where it lies (reelfleet enqueue stage)`,
    );
}

function isOurs(storage: Pick<Storage, 'keyOf'>, address: string): boolean {
  try {
    storage.keyOf(address);
    return true;
  } catch {
    return false;
  }
}
