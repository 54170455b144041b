/** The files of a deleted video are where they should be: all rows that name them follow, in one call of the ledger each. */
import type { RowChange } from '@reelfleet/core';
import type { ArchiveOutput, Moved } from '@reelfleet/pipelines';

export const archive = ({ videoId, from, to }: ArchiveOutput): RowChange[] => [
  { op: 'archive', table: 'videos', values: { id: videoId, from, to } },
];

export const restore = ({ videoId }: Moved): RowChange[] => [
  { op: 'restore', table: 'videos', values: { id: videoId } },
];

export const purge = ({ videoId }: Moved): RowChange[] => [{ op: 'purge', table: 'videos', values: { id: videoId } }];
