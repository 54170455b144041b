/** What this process has counted since it started; rides every beat, so that operators see it without asking workers. */
export const counters = {
  attempts: 0,
  completed: 0,
  retried: 0,
  failed: 0,
  released: 0,
  staleTickets: 0,
  refusedTickets: 0,
  leasesLost: 0,
  fencedWrites: 0,
  beatsLate: 0,
  ticketsUnsent: 0,
};
