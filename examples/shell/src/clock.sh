# The handler reads the event from standard input and prints the response.
tick() {
	count="$(sed -n 's/.*"count":"\([0-9]\{1,3\}\)".*/\1/p')"
	i=0
	while [ "$i" -lt "${count:-5}" ]; do
		date -u '+%H:%M:%S'
		i=$((i + 1))
		sleep 1
	done
}
