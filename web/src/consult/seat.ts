// The mark that a page of this tab sits in a room: a reload goes back in by itself, and so does who answers a call.
const key = (consult: string): string => `xinlian.room.${consult}`

export const takeSeat = (consult: string): void => sessionStorage.setItem(key(consult), 'in')
export const leaveSeat = (consult: string): void => sessionStorage.removeItem(key(consult))
export const hasSeat = (consult: string): boolean => sessionStorage.getItem(key(consult)) === 'in'
