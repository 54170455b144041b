/** What a check finds, and how the findings of all are weighed. Pure. */
export interface Finding {
  name: string;
  level: 'ok' | 'note' | 'warning' | 'failed';
  /** What was seen. */
  says: string;
  /** What to do about it. */
  cure: string | null;
}

export const ok = (name: string, says: string): Finding => ({ name, level: 'ok', says, cure: null });
export const note = (name: string, says: string, cure: string | null = null): Finding => ({
  name,
  level: 'note',
  says,
  cure,
});
export const warning = (name: string, says: string, cure: string): Finding => ({ name, level: 'warning', says, cure });
export const failed = (name: string, says: string, cure: string): Finding => ({ name, level: 'failed', says, cure });

/** Connections the fleet may open when the queue lies on Postgres: `processes` workers with `stages` each. */
export function connectionsNeeded(workers: readonly { stages: number }[], queueOnPostgres: boolean): number {
  const beside = 5;
  return workers.reduce((sum, { stages }) => sum + beside + (queueOnPostgres ? stages + 6 : 0), 0);
}

/** Is `program`'s list (of `-encoders` or `-filters`) missing one of these names? Its lines begin with flags. */
export function missingFrom(listing: string, names: readonly string[]): string[] {
  const there = new Set(listing.split('\n').map((line) => line.trim().split(/\s+/)[1]));
  return names.filter((name) => !there.has(name));
}
