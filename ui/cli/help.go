package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// help is the page of the program as a whole. Those of the commands are
// cobra's.
func (p *parser) help(ordered []*cobra.Command) string {
	var b strings.Builder
	b.WriteString(about + "\n\nUsage:\n  firmflow-recovery [COMMAND] [flags]\n\nCommands, in the order of use:\n")
	for _, cmd := range ordered {
		fmt.Fprintf(&b, "  %-11s %s\n", cmd.Name(), cmd.Short)
	}
	b.WriteString("\nhelp COMMAND shows its flags, help CODE says what a diagnosis means.\n")
	b.WriteString(p.settingsHelp())
	b.WriteString("\nExit codes:\n" + p.exitCodes() + "\nExamples:\n" + examples + "\n")

	return b.String()
}

func (p *parser) settingsHelp() string {
	var b strings.Builder
	b.WriteString("\nSettings: a flag, or " + prefix + "NAME in the environment, or a line of\n" + settingsFile + ", in this order; then the default:\n")
	for _, s := range list() {
		fmt.Fprintf(&b, "  --%-14s %s", s.flag, s.help)
		if s.def != "" {
			b.WriteString(" (" + s.def + ")")
		}
		b.WriteString("\n")
	}

	return b.String()
}

// exitCodes is the table for the help.
func (p *parser) exitCodes() string {
	var b strings.Builder
	for _, m := range p.environment.ExitTable {
		fmt.Fprintf(&b, "  %-9s %s\n", m.Codes, m.Text)
	}

	return b.String()
}

// helpCommand explains a command, or a diagnosis code. What is neither, main
// will not know; what is nearly a command is one that was misspelt.
func (p *parser) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND|CODE]", Short: "Explain a command, or a diagnosis by its code", Args: atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return root.Help()
			}
			for _, cmd := range root.Commands() {
				if cmd.Name() == args[0] {
					return cmd.Help()
				}
			}
			if near(args[0], names(root)) != "" {
				return &UsageError{Text: fmt.Sprintf("there is no command %q", args[0]), Hint: didYouMean(args[0], "", names(root))}
			}
			p.ran = true
			p.invocation.Command, p.invocation.Code = Explain, args[0]

			return nil
		},
	}
}

// completionCommand prints what a shell needs to complete commands and flags.
func (p *parser) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print the completion script of bash, zsh, fish or powershell", ValidArgs: shells,
		Long: "Print the completion script of a shell: bash, zsh, fish or powershell.\n\n  source <(firmflow-recovery completion bash)",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return &UsageError{Text: "completion takes the name of a shell", Hint: "It is " + strings.Join(shells, ", ") + "."}
			}
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			default:
				return root.GenPowerShellCompletionWithDesc(out)
			}
		},
	}
}
