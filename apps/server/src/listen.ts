/** Where the server listens, and the sentences for when it may not or cannot. */
import { isLoopback, type Settings } from '@reelfleet/config';
import { messageOf, UserError } from '@reelfleet/core';
import type { FastifyInstance } from 'fastify';

type Place = Pick<Settings, 'HOST' | 'PORT' | 'REELFLEET_PASSWORD'>;

/** Throws UserError where other machines could use the server and nobody would be asked for a password. */
export function assertMayListen({ HOST: host, REELFLEET_PASSWORD: password }: Place): void {
  if (isLoopback(host) || password !== undefined) return;
  throw new UserError(
    `HOST: got "${host}", which other machines can reach, and nobody would be asked for a password: set REELFLEET_PASSWORD, or leave HOST at 127.0.0.1`,
    { exitCode: 2 },
  );
}

/** Listen; answers with the address for people. Throws UserError, naming the setting that is in the way. */
export async function listen(app: FastifyInstance, { HOST: host, PORT: port }: Place): Promise<string> {
  try {
    // A name may stand for several addresses, each with a server of its own that closes by itself; one is enough.
    return await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port });
  } catch (error) {
    throw cannotListen(error, host, port);
  }
}

/** Why nobody can listen there, as a UserError that names the setting; any other error as it is. */
export function cannotListen(error: unknown, host: string, port: number): unknown {
  const say = (text: string) => new UserError(text, { cause: error, exitCode: 2 });
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return say(`PORT: ${port} is in use on ${host}: stop what listens there, or choose another (0 takes a free one)`);
    case 'EACCES':
      return say(`PORT: ${port} is for the administrator of this machine: choose one from 1024 on`);
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
      return say(`HOST: ${host} is no address of this machine: use one it has, or 0.0.0.0 for all`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return say(`HOST: the name ${host} is unknown (${messageOf(error)}): check its spelling, or use an address`);
    default:
      return error;
  }
}
