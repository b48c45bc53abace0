// The peer of D8: what a Node server with `ws` does when one client's message goes to all the others. node server.js PORT
const { WebSocketServer } = require('ws')

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false })
server.on('connection', socket => {
  socket.on('message', (data, isBinary) => {
    for (const other of server.clients) if (other !== socket) other.send(data, { binary: isBinary })
  })
})
