package sluice

// Identity is the account that a server plays.
type Identity struct {
	// Partition is "aws" unless configured.
	Partition string
	Region    string
	// AccountID has 12 digits.
	AccountID string
}

// DefaultIdentity is what local AWS tools agreed on
// (docs/contract/sam-template.md §4).
func DefaultIdentity() Identity {
	return Identity{Partition: "aws", Region: "us-east-1", AccountID: "123456789012"}
}

// FunctionARN returns the ARN of a function; qualifier may be "".
func (id Identity) FunctionARN(name, qualifier string) string {
	arn := "arn:" + id.Partition + ":lambda:" + id.Region + ":" + id.AccountID + ":function:" + name
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return arn
}
