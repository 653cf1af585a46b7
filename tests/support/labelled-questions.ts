/**
 * What people ask, and which tool of the sample servers answers it. The questions were written from the tools' names
 * alone, before any description was looked at, and were not changed after a measurement: they are the yardstick.
 * Where two servers do the same thing, either is right.
 */
export interface LabelledQuestion {
  readonly question: string;
  /** `server__tool`; any of these is a right answer. */
  readonly expected: readonly string[];
}

const questions = (server: string, rows: readonly (readonly [string, string])[]): LabelledQuestion[] =>
  rows.map(([question, tools]) => ({
    question,
    expected: tools.split(' ').map((tool) => (tool.includes('__') ? tool : `${server}__${tool}`)),
  }));

export const labelledQuestions: readonly LabelledQuestion[] = [
  ...questions('filesystem', [
    ['What does the file notes/todo.txt say?', 'read_text_file read_file'],
    ['Open these three config files and compare them: a.yaml, b.yaml, c.yaml', 'read_multiple_files'],
    ['Save this text as report.md in my documents folder', 'write_file'],
    ['In settings.json replace the port 8080 with 9090', 'edit_file'],
    ['Make a new folder called archive', 'create_directory'],
    ['Which files are in the downloads folder?', 'list_directory list_directory_with_sizes'],
    ['Which file in this directory takes the most space?', 'list_directory_with_sizes'],
    ['Show me the whole folder structure of the project as a tree', 'directory_tree'],
    ['Rename draft.txt to final.txt', 'move_file'],
    ['Find all files ending in .log below /var/data', 'search_files'],
    ['When was budget.xlsx last modified and how big is the file?', 'get_file_info'],
    ['Which directories are you allowed to access?', 'list_allowed_directories'],
    ['Load the picture logo.png from disk so that you can look at it', 'read_media_file'],
  ]),
  ...questions('memory', [
    ['Remember that Anna works at Siemens: add both as entities', 'create_entities'],
    ['Note that Bob is the manager of Carol, as a relation between the two', 'create_relations'],
    ['Add the observation that Anna prefers tea to what you know about her', 'add_observations'],
    ['Forget everything about the entity Bob', 'delete_entities'],
    ['Anna no longer likes tea, remove that observation', 'delete_observations'],
    ['Carol and Bob are no longer related, delete the relation', 'delete_relations'],
    ['Show me your whole knowledge graph', 'read_graph'],
    ['What do you remember about Anna? Search your knowledge graph', 'search_nodes open_nodes'],
  ]),
  ...questions('everything', [
    ['Echo back the sentence "hello world"', 'echo'],
    ['What is the sum of 17 and 25?', 'get-sum'],
    ['Print the environment variables of the server', 'get-env'],
    ['Get me a tiny image', 'get-tiny-image'],
    ['Start a long running operation of ten seconds with five steps', 'trigger-long-running-operation'],
    ['Compress this file with gzip', 'gzip-file-as-resource'],
  ]),
  ...questions('github', [
    ['File a bug on GitHub about the broken login page', 'create_issue'],
    ['Which issues are open in acme/web?', 'list_issues search_issues'],
    ['What is issue number 42 in the acme/web repository about?', 'get_issue'],
    ['Close issue 17 and label it wontfix', 'update_issue'],
    ['Reply to GitHub issue 12 that we are looking into it', 'add_issue_comment'],
    ['Open a pull request from my branch feature-x into main', 'create_pull_request'],
    ['What PRs are waiting in our repo?', 'list_pull_requests'],
    ['Merge pull request 88', 'merge_pull_request'],
    ['Which files does pull request 88 change?', 'get_pull_request_files'],
    ['Did the checks pass on PR 88?', 'get_pull_request_status'],
    ['Approve pull request 91 with the review "looks good"', 'create_pull_request_review'],
    ['What did the reviewers say on pull request 91?', 'get_pull_request_reviews get_pull_request_comments'],
    ['Bring the branch of pull request 91 up to date with main', 'update_pull_request_branch'],
    ['Create a branch called hotfix in the repo', 'create_branch'],
    ['Show the last commits on main', 'list_commits'],
    ['Search GitHub for code that uses useEffectEvent', 'search_code'],
    ['Find repositories about rust web frameworks', 'search_repositories'],
    ['Fork the repository facebook/react to my account', 'fork_repository'],
    ['Set up a new private repository named playground', 'create_repository'],
    ['Show me the README.md of acme/web on GitHub', 'get_file_contents'],
    ['Commit these five files to the repo in one push', 'push_files'],
    ['Who is the GitHub user behind the name torvalds?', 'search_users'],
  ]),
  ...questions('playwright', [
    ['Go to https://example.com in the browser', 'browser_navigate'],
    ['Go back to the previous page', 'browser_navigate_back'],
    ['Click the Sign in button on the page', 'browser_click'],
    ['Type my name into the search field of the page', 'browser_type browser_fill_form'],
    ['Fill in the contact form on this website', 'browser_fill_form'],
    ['Take a screenshot of the page', 'browser_take_screenshot'],
    ['Are there any errors in the browser console?', 'browser_console_messages'],
    ['Which network requests did the page make?', 'browser_network_requests browser_network_request'],
    ['Choose Germany in the country dropdown', 'browser_select_option'],
    ['Upload my CV in the file chooser of the website', 'browser_file_upload'],
    ['Wait until the text "Payment received" shows up on the page', 'browser_wait_for'],
    ['Make the browser window 1280 by 720', 'browser_resize'],
    ['Press Enter', 'browser_press_key'],
    ['Accept the confirmation dialog that popped up in the page', 'browser_handle_dialog'],
    ['Open a second browser tab', 'browser_tabs'],
  ]),
  ...questions('n8n', [
    ['Build an n8n workflow that posts to Slack every morning', 'n8n_create_workflow'],
    ['What workflows do I have in n8n?', 'n8n_list_workflows'],
    ['Which n8n node can send an email?', 'search_nodes'],
    ['Is there a ready-made template for syncing Google Sheets with Airtable?', 'search_templates'],
    ['Check that this workflow JSON is valid', 'validate_workflow n8n_validate_workflow'],
    ['Delete the n8n workflow with id 15', 'n8n_delete_workflow'],
    ['Did the last execution of my workflow fail?', 'n8n_executions'],
    ['Fix the errors in my n8n workflow automatically', 'n8n_autofix_workflow'],
    ['Trigger my workflow once to test it', 'n8n_test_workflow'],
    ['Roll the workflow back to the version of yesterday', 'n8n_workflow_versions'],
    ['Is my n8n instance up and healthy?', 'n8n_health_check'],
    ['Which settings does the HTTP Request node of n8n take?', 'get_node'],
  ]),
  ...questions('postgres', [
    ['How many customers signed up last week? Ask the database with SQL', 'execute_sql dbhub__execute_sql'],
    ['Which tables are there in the schema public?', 'list_objects dbhub__search_objects'],
    ['Which columns and indexes does the orders table have?', 'get_object_details dbhub__search_objects'],
    ['Which schemas does the database have?', 'list_schemas'],
    ['Why is this query slow? Show me its plan', 'explain_query'],
    ['What are the slowest queries in Postgres at the moment?', 'get_top_queries'],
    ['Is the database healthy: vacuum, connections, cache?', 'analyze_db_health'],
    ['Recommend indexes for our database workload', 'analyze_workload_indexes'],
    ['Which index would speed up exactly this SELECT?', 'analyze_query_indexes'],
    ['Search the database for a table whose name contains invoice', 'dbhub__search_objects list_objects'],
  ]),
  ...questions('fetch', [
    ['Summarise the article at https://example.org/post', 'fetch'],
    ['Download the web page behind this URL and give me its text', 'fetch'],
    ['Read me what is on this link', 'fetch'],
  ]),
  ...questions('monitoring', [
    ['Search the logs of the last two hours for "connection refused"', 'search_logs'],
    ['What errors occurred recently?', 'get_recent_errors'],
    ['Show me the logs of the nginx container', 'get_container_logs'],
    ['How high are CPU and memory usage on the server?', 'get_system_metrics'],
    ['Is the redis service running and healthy?', 'check_service_health'],
    ['What went wrong in the payments container in the last hour?', 'get_recent_errors get_container_logs'],
    ['Is the disk of the machine filling up?', 'get_system_metrics'],
    ['grep the logs for timeout', 'search_logs'],
    ['Is the database container logging errors?', 'get_recent_errors get_container_logs'],
    ['How loaded is the machine right now?', 'get_system_metrics'],
    ['Are all services up?', 'check_service_health'],
  ]),
];

/**
 * A second set, written before the table of other words was made. Nothing was added to the table for it; its figure stood
 * beside the first one while weights were compared. It shows whether the ranking fits more than the first set.
 */
export const heldOutQuestions: readonly LabelledQuestion[] = [
  ...questions('filesystem', [
    ['Print the contents of package.json', 'read_text_file read_file read_multiple_files'],
    ['Put these notes into a new file ideas.txt', 'write_file'],
    ['Fix the typo in line 12 of main.py', 'edit_file'],
    ['Move all invoices into the folder 2024', 'move_file'],
    ['What is inside the folder src?', 'list_directory list_directory_with_sizes directory_tree'],
    ['Where on disk is the file called server.crt?', 'search_files'],
    ['I need subfolders for every month', 'create_directory'],
  ]),
  ...questions('memory', [
    ['Please remember a new person: Dr. Weber, my dentist', 'create_entities'],
    ['What do you know about Dr. Weber?', 'search_nodes open_nodes read_graph'],
    ['Link Dr. Weber to the city of Ulm in the knowledge graph', 'create_relations'],
    ['Write down that Dr. Weber is on holiday in May, as an observation', 'add_observations'],
  ]),
  ...questions('everything', [
    ['Add 3 and 4', 'get-sum'],
    ['Repeat what I say', 'echo'],
  ]),
  ...questions('github', [
    ['Report an issue in acme/api: the build is broken', 'create_issue'],
    ['Is there already a ticket about dark mode in the GitHub repo?', 'search_issues list_issues'],
    ['Comment on issue 7 that it is fixed', 'add_issue_comment'],
    ['Show me PR 120', 'get_pull_request'],
    ['Has anybody reviewed PR 120 yet?', 'get_pull_request_reviews'],
    ['Squash and merge PR 120', 'merge_pull_request'],
    ['What was committed to the repository today?', 'list_commits'],
    ['Update the README in the GitHub repository', 'create_or_update_file'],
    ['Where in our GitHub code do we call parseInvoice?', 'search_code'],
    ['Assign issue 5 to Maria', 'update_issue'],
    ['Make a fork of vuejs/core', 'fork_repository'],
    ['Which branches does a new PR need? Just open one from dev to main', 'create_pull_request'],
  ]),
  ...questions('playwright', [
    ['Visit the website news.ycombinator.com', 'browser_navigate'],
    ['Hit the submit button in the browser', 'browser_click'],
    ['Enter my e-mail address into the login form of the site', 'browser_type browser_fill_form'],
    [
      'I want to see what the page looks like: capture the screen',
      'browser_take_screenshot browser_snapshot',
    ],
    ['Hover over the menu', 'browser_hover'],
    ['Drag the card to the column Done on the web page', 'browser_drag browser_drop'],
    ['Close the browser', 'browser_close'],
    ['Run some JavaScript on the page', 'browser_evaluate browser_run_code_unsafe'],
  ]),
  ...questions('n8n', [
    ['Show the n8n workflow named Daily report', 'n8n_get_workflow n8n_list_workflows'],
    ['Add a step to my n8n workflow', 'n8n_update_partial_workflow n8n_update_full_workflow'],
    ['Show the failed executions of n8n', 'n8n_executions'],
    ['Install that n8n template on my instance', 'n8n_deploy_template'],
    ['Which credentials are stored in n8n?', 'n8n_manage_credentials'],
  ]),
  ...questions('postgres', [
    ['Count the orders of May in the database', 'execute_sql dbhub__execute_sql'],
    ['Describe the table users', 'get_object_details dbhub__search_objects'],
    ['What makes the database slow? Find the expensive queries', 'get_top_queries'],
    ['Should I add an index for my queries?', 'analyze_query_indexes analyze_workload_indexes'],
    ['Show the execution plan of this statement', 'explain_query'],
  ]),
  ...questions('fetch', [
    ['What does the page https://docs.acme.dev/setup say?', 'fetch'],
    ['Get the content of this URL', 'fetch'],
  ]),
  ...questions('monitoring', [
    ['Do the logs mention out of memory?', 'search_logs'],
    ['Show the last log lines of the container api', 'get_container_logs'],
    ['How much RAM is in use on the host?', 'get_system_metrics'],
    ['Is the api service healthy?', 'check_service_health'],
    ['Were there any errors during the night?', 'get_recent_errors search_logs'],
  ]),
];
