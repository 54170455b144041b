/**
 * What to tell people when Postgres cannot be reached: one sentence that names the server, never its password.
 */
import { messageOf, UserError } from '@reelfleet/core';

/** The URL as it may be shown: with its password hidden. */
export function maskUrl(url: string): string {
  try {
    const shown = new URL(url);
    if (shown.password !== '') shown.password = '***';
    for (const name of shown.searchParams.keys()) {
      if (/password|key/i.test(name)) shown.searchParams.set(name, '***');
    }
    return shown.href;
  } catch {
    return url.replace(/:[^:@/]*@/, ':***@');
  }
}

/** Check that a URL names a Postgres database. Throws UserError (wrong settings) otherwise. */
export function parseDatabaseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    throw new UserError(
      `"${maskUrl(url)}" names no Postgres database: DATABASE_URL takes postgres://user:password@host:5432/name`,
      { exitCode: 2 },
    );
  }
  return parsed;
}

/** Why a connection could not be made. */
export function connectionError(url: string, error: unknown): UserError {
  return new UserError(`${reason(maskUrl(url), error)}; DATABASE_URL says which server`, {
    cause: error,
    kind: 'unavailable',
  });
}

function reason(shown: string, error: unknown): string {
  const message = messageOf(error);
  switch ((error as { code?: string } | null)?.code) {
    case 'ECONNREFUSED':
      return `nobody answers at ${shown}: start Postgres or check host and port`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host in ${shown} is unknown: check its name`;
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `the host in ${shown} cannot be reached: check the network`;
    case '28P01':
    case '28000':
      return `Postgres refuses the user or password in ${shown}: check both`;
    case '3D000':
      return `the database in ${shown} does not exist: create it or check its name`;
    case '53300':
      return `Postgres at ${shown} has no connection left: raise max_connections or stop something`;
    case '57P03':
      return `Postgres at ${shown} is starting or stopping: try again in a moment`;
    default:
      if (/password must be a string/.test(message))
        return `Postgres asks for a password and ${shown} has none: add it`;
      if (/timeout/i.test(message)) return `${shown} does not answer: check host, port and network`;
      return `cannot connect to ${shown} (${message})`;
  }
}

/** Whether a query failed because its connection died: killed by an administrator, a server going down, a cut line. */
export function isConnectionLoss(error: unknown): boolean {
  const code = (error as { code?: string } | null)?.code ?? '';
  return (
    /^(57P0[1-4]|08...|ECONNRESET|EPIPE|ETIMEDOUT)$/.test(code) ||
    /Connection terminated|not queryable|Client was closed/.test(messageOf(error))
  );
}
