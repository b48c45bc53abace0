// Hand-written stand-in for types.gen.ts, which is produced from the server. Goes when that is here.
export type Me = Readonly<{ id: string; name: string; role: string; org_id: string; org_name: string }>
export type WsTicket = Readonly<{ ticket: string }>
