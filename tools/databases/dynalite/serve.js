'use strict'
// Dynalite on 127.0.0.1 alone: its own program listens on every address.
//
//	node serve.js NODE_MODULES PORT OPTIONS
//
// OPTIONS are dynalite's, as JSON. Says "listening" once it does. SIGTERM ends it when what it holds is written.

const [modules, port, options] = process.argv.slice(2)
const server = require(require.resolve('dynalite', {paths: [modules]}))(JSON.parse(options))

// Dynalite throws the errors of connections. A client that goes away in the middle of a request must not end the server for all.
process.on('uncaughtException', error => {
	if (error.code === 'ECONNRESET' || error.code === 'EPIPE')
		return
	console.error(error)
	process.exit(1)
})
server.on('error', error => {
	console.error(error.message) // "listen EADDRINUSE: ...", which tools/databases/dynalite.py looks for
	process.exit(1)
})
// By default Node closes idle connections after 5 seconds; DynamoDB keeps them longer.
server.keepAliveTimeout = 60000
server.listen(Number(port), '127.0.0.1', () => console.log('listening'))
process.on('SIGTERM', () => {
	server.close(() => process.exit(0))
	server.closeAllConnections()
})
